//! An address that is not to be had.

use std::io;
use std::net::SocketAddr;

use anyhow::Error;

/// Why the daemon cannot listen there, and what to do.
pub(crate) fn explain(error: io::Error, key: &str, address: SocketAddr) -> Error {
    let port = address.port();
    let advices = [
        (
            io::ErrorKind::AddrInUse,
            format!(
                "; another process listens there: `ss -ltnp 'sport = :{port}'` names it; end it, or \
                 set {key} to another port"
            ),
        ),
        (
            io::ErrorKind::AddrNotAvailable,
            format!(
                "; the address is none of this machine's (`ip address` lists them): change {key}"
            ),
        ),
        (
            io::ErrorKind::PermissionDenied,
            format!(
                "; ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= in the unit), or \
                 a socket of systemd's: grant it, or set {key} to a higher port"
            ),
        ),
    ];
    let kind = error.kind();
    let advice = advices.into_iter().find(|(of, _)| *of == kind).map(|(_, advice)| advice);
    let advice = advice.unwrap_or_default();
    Error::new(error).context(format!("cannot listen on {address} ({key}){advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_way_out() {
        let address = "127.0.0.1:7070".parse().unwrap();
        for (kind, way_out) in [
            (io::ErrorKind::AddrInUse, "ss -ltnp 'sport = :7070'"),
            (io::ErrorKind::AddrNotAvailable, "ip address"),
            (io::ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
        ] {
            let said = format!("{:#}", explain(kind.into(), "server.listen", address));
            assert!(said.starts_with("cannot listen on 127.0.0.1:7070 (server.listen)"), "{said}");
            assert!(said.contains(way_out) && said.contains("server.listen"), "{said}");
        }
    }
}

//! How the daemon is, told to whoever supervises it: systemd's notify protocol, a datagram for each change.
//!
//! Without `NOTIFY_SOCKET` nothing is told. The protocol is plain text, so it is written here.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use anyhow::{Context as _, Result};
use invoked_engine::Handle;
use rustix::time::{ClockId, clock_gettime};

use crate::config::Environment;

/// How often more time is asked for, and how much. What is asked for once is over soon.
const EXTEND_EVERY: Duration = Duration::from_secs(5);
const EXTEND_BY: Duration = Duration::from_secs(30);

/// Whoever supervises the daemon, if anybody does.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// By `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///
    /// # Errors
    /// The socket's address is none that a datagram can be sent to.
    pub(crate) fn of(environment: &Environment) -> Result<Self> {
        let Some(name) = environment.get("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(name),
        };
        let address = address.with_context(|| format!("NOTIFY_SOCKET: \"{name}\""))?;
        let socket = UnixDatagram::unbound().context("a socket for NOTIFY_SOCKET")?;
        // Whoever does not listen does not hold the daemon up.
        socket.set_nonblocking(true).context("a socket for NOTIFY_SOCKET")?;
        let watchdog = watchdog(environment, std::process::id());
        Ok(Self { socket: Some((socket, address)), watchdog })
    }

    /// The daemon serves. Also ends a reload.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is read again, from now on until [`Supervisor::ready`].
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let micros = u64::try_from(now.tv_nsec / 1_000).unwrap_or_default();
        let now = seconds.saturating_mul(1_000_000).saturating_add(micros);
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=reading the configuration again"
        ));
    }

    /// The daemon stops.
    pub(crate) fn stopping(&self, status: &str) {
        self.tell(&format!("STOPPING=1\nSTATUS={status}"));
    }

    /// The daemon ends because of an error.
    pub(crate) fn failed(&self, error: &anyhow::Error) {
        let number = error.chain().find_map(|cause| {
            cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error)
        });
        let number = number.map(|number| format!("ERRNO={number}\n")).unwrap_or_default();
        let line = format!("{error:#}").replace('\n', " ");
        self.tell(&format!("{number}STATUS={line}"));
    }

    /// Asks for more time, again and again: what goes on takes as long as it takes. Never returns.
    pub(crate) async fn extend(&self) {
        loop {
            self.tell(&format!("EXTEND_TIMEOUT_USEC={}", EXTEND_BY.as_micros()));
            tokio::time::sleep(EXTEND_EVERY).await;
        }
    }

    /// A task that tells the watchdog that every shard still turns; `None` if nobody watches. It never
    /// returns, and tells nothing while a shard stands still.
    pub(crate) fn watch(&self, engine: Handle) -> Option<impl Future<Output = ()> + use<>> {
        let every = self.watchdog? / 3;
        let (socket, address) = self.socket.as_ref()?;
        let socket = match socket.try_clone() {
            Ok(socket) => Some((socket, address.clone())),
            Err(error) => {
                tracing::warn!(event = "watchdog_not_told", %error, "the watchdog is not told anything");
                None
            }
        };
        let told = Self { socket, watchdog: None };
        Some(async move {
            loop {
                engine.turn().await;
                told.tell("WATCHDOG=1");
                tokio::time::sleep(every).await;
            }
        })
    }

    fn tell(&self, state: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            tracing::warn!(event = "supervisor_not_told", %error, "the supervisor is not told (NOTIFY_SOCKET)");
        }
    }
}

/// How long the watchdog waits, if it is this process that it waits for.
fn watchdog(environment: &Environment, pid: u32) -> Option<Duration> {
    let micros: u64 = environment.get("WATCHDOG_USEC")?.parse().ok()?;
    let is_ours = environment.get("WATCHDOG_PID").is_none_or(|of| of == pid.to_string());
    (is_ours && micros > 0).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(of: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = of.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_socket_with_an_abstract_name_is_told_as_well() {
        let name = format!("invoked-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        let at = format!("@{name}");
        let supervisor = Supervisor::of(&Environment::of(&[("NOTIFY_SOCKET", &at)])).unwrap();
        supervisor.ready("serving");
        assert_eq!(told(&systemd), "READY=1\nSTATUS=serving");
        let refused = std::io::Error::from_raw_os_error(98);
        supervisor.failed(&anyhow::Error::new(refused).context("cannot listen"));
        let said = told(&systemd);
        assert!(said.starts_with("ERRNO=98\nSTATUS=cannot listen: "), "{said}");
    }

    #[test]
    fn the_watchdog_is_told_by_the_process_that_it_waits_for_alone() {
        let of = |variables: &[(&str, &str)]| watchdog(&Environment::of(variables), 7);
        let half = Some(Duration::from_millis(500));
        assert_eq!(of(&[("WATCHDOG_USEC", "500000")]), half);
        assert_eq!(of(&[("WATCHDOG_USEC", "500000"), ("WATCHDOG_PID", "7")]), half);
        assert_eq!(of(&[("WATCHDOG_USEC", "500000"), ("WATCHDOG_PID", "8")]), None);
        assert_eq!(of(&[("WATCHDOG_USEC", "0")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn without_a_supervisor_nothing_is_told() {
        let nobody = Supervisor::of(&Environment::default()).unwrap();
        nobody.ready("serving");
        assert!(nobody.socket.is_none());
    }
}

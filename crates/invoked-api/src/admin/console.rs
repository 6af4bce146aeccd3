//! The console's page at `/console/`: files that are built into the program. They hold nothing of the daemon's, so
//! nobody has to say who they are; what the page shows, it asks `/v1/…` for.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Method, StatusCode};
use rust_embed::RustEmbed;

use crate::admin::is_read;
use crate::admin::problem::AdminProblem;
use crate::etag::etag;
use crate::reply::{Reply, empty, full, visible};

/// The files, as `cargo xtask console` builds them from `console/`.
#[derive(RustEmbed)]
#[folder = "console"]
struct Files;

const PLACE: &str = "/console/";
const INDEX: &str = "index.html";
/// Files with a hash in their name never change.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const HARDENED: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Whether a path is the console's.
pub(super) fn is_one(path: &str) -> bool {
    matches!(path, "/" | "/console") || path.starts_with(PLACE)
}

/// A file of the console.
pub(super) fn get(method: &Method, path: &str, headers: &HeaderMap) -> Result<Reply, AdminProblem> {
    if !is_read(method) {
        return Err(AdminProblem::Method { allowed: "GET, HEAD" });
    }
    let Some(name) = path.strip_prefix(PLACE) else {
        // Browsers never ask again about a permanent one, and what is at the root may be another thing one day.
        let is_root = path == "/";
        let moved = if is_root { StatusCode::FOUND } else { StatusCode::PERMANENT_REDIRECT };
        let mut reply = empty(moved);
        reply.headers_mut().insert(LOCATION, HeaderValue::from_static(PLACE));
        return Ok(harden(reply));
    };
    let name = if name.is_empty() { INDEX } else { name };
    let file = Files::get(name).ok_or(AdminProblem::Path)?;
    let tag = visible(&etag(&file.data));
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| *known == tag);
    let mut reply = if is_known {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        full(StatusCode::OK, type_of(name), file.data.into_owned())
    };
    reply.headers_mut().insert(ETAG, tag);
    let caching = if name.starts_with("assets/") { FOREVER } else { ASK_AGAIN };
    reply.headers_mut().insert(CACHE_CONTROL, caching);
    Ok(harden(reply))
}

fn harden(mut reply: Reply) -> Reply {
    reply.headers_mut().extend(HARDENED);
    reply
}

fn type_of(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, known: Option<&HeaderValue>) -> Result<Reply, AdminProblem> {
        let mut headers = HeaderMap::new();
        if let Some(known) = known {
            headers.insert(IF_NONE_MATCH, known.clone());
        }
        get(&Method::GET, path, &headers)
    }

    #[test]
    fn the_page_is_there_and_nothing_of_others_runs_in_it() {
        let reply = ask("/console/", None).unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "text/html; charset=utf-8");
        let policy = reply.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let again = ask("/console/", Some(&reply.headers()["etag"])).unwrap();
        assert_eq!(again.status(), 304);
        for (path, status) in [("/console", 308), ("/", 302)] {
            let moved = ask(path, None).unwrap();
            assert_eq!(
                (moved.status().as_u16(), &moved.headers()["location"]),
                (status, &PLACE.parse().unwrap())
            );
        }
    }

    #[test]
    fn nothing_but_its_files_is_served() {
        for path in ["/console/../Cargo.toml", "/console/nothing", "/console/assets/", "/console//"]
        {
            assert!(matches!(ask(path, None), Err(AdminProblem::Path)), "{path}");
        }
        assert!(matches!(
            get(&Method::POST, "/console/", &HeaderMap::new()),
            Err(AdminProblem::Method { .. })
        ));
        assert!(is_one("/") && is_one("/console") && is_one("/console/x"));
        assert!(!is_one("/consoles") && !is_one("") && !is_one("//"));
    }

    #[test]
    fn what_a_page_asks_for_has_its_type() {
        for file in Files::iter() {
            assert_ne!(type_of(&file), "application/octet-stream", "{file}");
        }
    }
}

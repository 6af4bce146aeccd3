//! Versions of resources: a hash of what is shown of them.

use http::HeaderMap;
use http::header::{HeaderValue, IF_MATCH};

use crate::problem::Problem;

/// FNV-1a: the tag has to tell versions apart, not withstand anybody.
pub(crate) fn etag(body: &[u8]) -> String {
    let hash = body.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    format!("\"{hash:016x}\"")
}

/// Refuses a change whose `If-Match` names another version than the one of `body`.
pub(crate) fn check_if_match(headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let Some(wanted) = headers.get(IF_MATCH) else { return Ok(()) };
    let actual = etag(body);
    if is_among(wanted, &actual) { Ok(()) } else { Err(Problem::EtagDiffers { actual }) }
}

/// Clients send back what they got, some of them without the quotes.
fn is_among(wanted: &HeaderValue, actual: &str) -> bool {
    let wanted = wanted.to_str().unwrap_or_default();
    let bare = |tag: &str| tag.trim().trim_matches('"').to_owned();
    wanted.is_empty() || wanted.split(',').any(|tag| tag.trim() == "*" || bare(tag) == bare(actual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_only_for_the_version_it_names() {
        let tag = etag(b"{}");
        let if_match = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_str(value).unwrap());
            check_if_match(&headers, b"{}")
        };
        for fine in [tag.as_str(), tag.trim_matches('"'), "*", "", &format!("\"x\", {tag}")] {
            assert!(if_match(fine).is_ok(), "{fine}");
        }
        assert!(if_match(&etag(b"[]")).is_err());
        assert!(check_if_match(&HeaderMap::new(), b"{}").is_ok());
    }
}

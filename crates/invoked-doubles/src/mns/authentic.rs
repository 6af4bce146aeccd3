//! The headers of a request and its signature, as the service's documents describe them.

use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;

use super::{Account, Refusal};
use crate::server::Received;

const VERSION: &str = "2015-06-06";

/// How far the date of a request may be off, in milliseconds.
const SKEW_MAX: u64 = 15 * 60 * 1_000;

/// Checks everything about a request that is not its message.
pub(super) fn check(request: &Received, account: &Account) -> Result<(), Refusal> {
    check_date(request)?;
    match request.header("x-mns-version") {
        None => return Err(missing("MissingVersionHeader", "x-mns-version")),
        Some(VERSION) => {}
        Some(other) => {
            return Err(("InvalidArgument", format!("The version {other} is not known.")));
        }
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !matches!(media_type, "text/xml" | "application/xml") {
        return Err(("InvalidArgument", format!("The content type '{content_type}' is no XML.")));
    }
    check_signature(request, content_type, account)?;
    check_content_md5(request)
}

fn check_date(request: &Received) -> Result<(), Refusal> {
    let Some(date) = request.header("date") else {
        return Err(missing("MissingDateHeader", "date"));
    };
    let parsed = httpdate::parse_http_date(date).ok();
    let since_1970 = parsed.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let Some(millis) = since_1970.and_then(|since| i64::try_from(since.as_millis()).ok()) else {
        return Err(("InvalidDateHeader", format!("The date '{date}' is not RFC 1123's.")));
    };
    if millis.abs_diff(request.at) > SKEW_MAX {
        let message = "The http request you sent is expired.".to_owned();
        return Err(("TimeExpired", message));
    }
    Ok(())
}

fn check_signature(
    request: &Received,
    content_type: &str,
    account: &Account,
) -> Result<(), Refusal> {
    let Some(authorization) = request.header("authorization") else {
        return Err(missing("MissingAuthorizationHeader", "authorization"));
    };
    let parts = authorization.strip_prefix("MNS ").and_then(|rest| rest.split_once(':'));
    let Some((id, signature)) = parts else {
        let message = "The authorization header is not of the form 'MNS id:signature'.".to_owned();
        return Err(("InvalidAuthorizationHeader", message));
    };
    if id != account.access_key_id {
        let message = "The access key id you provided is not exist.".to_owned();
        return Err(("InvalidAccessKeyId", message));
    }
    if request.header("security-token") != account.security_token.as_deref() {
        let message = "The security token you provided is invalid.".to_owned();
        return Err(("InvalidSecurityToken", message));
    }
    let content_md5 = request.header("content-md5").unwrap_or_default();
    let date = request.header("date").unwrap_or_default();
    let mut lines = vec![request.method.as_str().to_owned()];
    lines.extend([content_md5, content_type, date].map(str::to_owned));
    let mut signed: Vec<String> = request
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-mns-"))
        .map(|(name, value)| format!("{name}:{}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    signed.sort();
    lines.append(&mut signed);
    lines.push(request.path_and_query().to_owned());
    let mut mac = Hmac::<Sha1>::new_from_slice(account.access_key_secret.as_bytes())
        .expect("HMAC takes any key");
    mac.update(lines.join("\n").as_bytes());
    let is_ours =
        STANDARD.decode(signature).is_ok_and(|signature| mac.verify_slice(&signature).is_ok());
    if !is_ours {
        let message =
            "The request signature we calculated does not match the signature you provided.";
        return Err(("SignatureDoesNotMatch", message.to_owned()));
    }
    Ok(())
}

/// A `Content-MD5` is base64 of the sixteen bytes, as RFC 1864 has it, or of their 32 lower-case
/// hexadecimal digits, as most of the service's own clients send it.
fn check_content_md5(request: &Received) -> Result<(), Refusal> {
    let Some(given) = request.header("content-md5") else { return Ok(()) };
    let digest: [u8; 16] = Md5::digest(&request.body).into();
    let hex = format!("{:032x}", u128::from_be_bytes(digest));
    if given == STANDARD.encode(digest) || given == STANDARD.encode(hex) {
        return Ok(());
    }
    Err(("InvalidDegist", "The Content-MD5 you specified is not of this body.".to_owned()))
}

fn missing(code: &'static str, header: &str) -> Refusal {
    (code, format!("The header {header} is missing."))
}

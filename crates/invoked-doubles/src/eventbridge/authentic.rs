//! The headers of a request and its signature, as the service's documents and its SDK describe them.

use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::{Account, Refusal};
use crate::server::Received;

/// How far the date of a request may be off, in milliseconds.
const SKEW_MAX: u64 = 15 * 60 * 1_000;

/// Checks everything about a request that is not its batch.
pub(super) fn check(request: &Received, account: &Account) -> Result<(), Refusal> {
    check_content_type(request)?;
    check_date(request)?;
    for (name, value) in
        [("x-acs-signature-method", "HMAC-SHA1"), ("x-acs-signature-version", "1.0")]
    {
        if request.header(name) != Some(value) {
            return Err(no_match(&format!("The header {name} must be {value}.")));
        }
    }
    if request.header("x-acs-signature-nonce").unwrap_or_default().is_empty() {
        return Err(no_match("The header x-acs-signature-nonce is missing."));
    }
    check_signature(request, account)
}

fn check_content_type(request: &Received) -> Result<(), Refusal> {
    let given = request.header("content-type").unwrap_or_default();
    let mut parts = given.split(';').map(str::trim);
    let is_batch = parts.next() == Some("application/cloudevents-batch+json");
    if is_batch && parts.all(|part| part.eq_ignore_ascii_case("charset=utf-8")) {
        return Ok(());
    }
    Err(("InvalidContentType", format!("The content type '{given}' is no batch of CloudEvents.")))
}

fn check_date(request: &Received) -> Result<(), Refusal> {
    let date = request.header("date").unwrap_or_default();
    let parsed = httpdate::parse_http_date(date).ok();
    let since_1970 = parsed.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let Some(millis) = since_1970.and_then(|since| i64::try_from(since.as_millis()).ok()) else {
        return Err(("IllegalTimestamp", format!("The date '{date}' is not RFC 1123's.")));
    };
    if millis.abs_diff(request.at) > SKEW_MAX {
        return Err(("InvalidTimeStamp.Expired", "Specified time stamp is expired.".to_owned()));
    }
    Ok(())
}

fn check_signature(request: &Received, account: &Account) -> Result<(), Refusal> {
    let authorization = request.header("authorization").unwrap_or_default();
    let parts = authorization.strip_prefix("acs:").and_then(|rest| rest.rsplit_once(':'));
    let Some((id, signature)) = parts else {
        return Err(no_match("The authorization header is not of the form 'acs:id:signature'."));
    };
    if id != account.access_key_id {
        let message = "The access Id you provided is not exist.".to_owned();
        return Err(("InvalidAccessKeyId", message));
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(account.access_key_secret.as_bytes())
        .expect("HMAC takes any key");
    mac.update(string_to_sign(request).as_bytes());
    let is_ours =
        STANDARD.decode(signature).is_ok_and(|signature| mac.verify_slice(&signature).is_ok());
    if !is_ours {
        return Err(no_match(
            "The request signature we calculated does not match the signature you provided.",
        ));
    }
    if request.header("x-acs-security-token") != account.security_token.as_deref() {
        let message = "The Security token that your provide is invalid.".to_owned();
        return Err(("SecurityTokenInvalid", message));
    }
    if account.security_token.is_some() && request.header("x-acs-accesskey-id") != Some(id) {
        let message = "The sts access Id you provided is not exist.".to_owned();
        return Err(("InvalidStsAccessKeyId", message));
    }
    Ok(())
}

fn string_to_sign(request: &Received) -> String {
    let header = |name| request.header(name).unwrap_or_default();
    let mut acs: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-acs"))
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .collect();
    acs.sort_unstable();
    let first = [request.method.as_str(), header("content-md5"), header("content-type")];
    let mut lines: Vec<String> = first.map(str::to_owned).into();
    lines.push(header("date").to_owned());
    lines.extend(acs.into_iter().map(|(name, value)| format!("{name}:{value}")));
    lines.push(request.path_and_query().to_owned());
    lines.join("\n")
}

fn no_match(message: &str) -> Refusal {
    ("SignatureDoesNotMatch", message.to_owned())
}

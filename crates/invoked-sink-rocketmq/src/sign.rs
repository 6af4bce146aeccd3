//! ACL: the HMAC-SHA1 signature over a request, of RocketMQ 4.9's ACL, 5.x's authentication and
//! ApsaraMQ alike.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::frame::Fields;

const ACCESS_KEY: &str = "AccessKey";
const SECURITY_TOKEN: &str = "SecurityToken";
const SIGNATURE: &str = "Signature";

/// A key pair, ready to sign.
#[derive(Clone)]
pub(crate) struct Signer {
    access_key: Box<str>,
    security_token: Option<Box<str>>,
    keyed: Hmac<Sha1>,
}

impl Signer {
    pub(crate) fn new(access_key: &str, secret_key: &str) -> Self {
        let keyed = Hmac::new_from_slice(secret_key.as_bytes()).expect("a key of any length");
        Self { access_key: access_key.into(), security_token: None, keyed }
    }

    /// As a temporary key (STS).
    pub(crate) fn with_security_token(self, token: &str) -> Self {
        Self { security_token: Some(token.into()), ..self }
    }

    /// Adds key, token and signature. What is signed: the values of all fields in the byte order of
    /// their names, then the body.
    pub(crate) fn sign<'a>(&'a self, fields: &mut Fields<'a>, body: &[u8]) {
        fields.push(ACCESS_KEY, &*self.access_key);
        if let Some(token) = &self.security_token {
            fields.push(SECURITY_TOKEN, &**token);
        }
        let mut mac = self.keyed.clone();
        for value in fields.values_in_order_of_names() {
            mac.update(value.as_bytes());
        }
        mac.update(body);
        fields.push(SIGNATURE, STANDARD.encode(mac.finalize().into_bytes()));
    }
}

impl fmt::Debug for Signer {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `AclSignerTest` of Apache RocketMQ.
    #[test]
    fn the_official_vector() {
        let signer = Signer::new("", "12345678");
        let mut fields = Fields::default();
        signer.sign(&mut fields, b"RocketMQ");
        assert_eq!(fields.get(SIGNATURE), Some("IUc8rrO/0gDch8CjObLQsW2rsiA="));
    }

    #[test]
    fn a_token_is_signed_too_and_nothing_is_shown() {
        let mut fields = Fields::default();
        let signer = Signer::new("RocketMQ", "12345678").with_security_token("Token");
        signer.sign(&mut fields, b"");
        let mut alone = Fields::default();
        let whole = Signer::new("", "12345678");
        whole.sign(&mut alone, b"RocketMQToken");
        assert_eq!(fields.get(SIGNATURE), alone.get(SIGNATURE));
        assert_eq!(fields.get(SECURITY_TOKEN), Some("Token"));
        let shown = format!("{signer:?}");
        assert!(!shown.contains("12345678") && !shown.contains("Token"), "{shown}");
    }
}

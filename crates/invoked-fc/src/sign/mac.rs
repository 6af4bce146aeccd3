//! The keyed hashes under the three schemes, and their comparison in constant time.
//!
//! The hashes find out at run time whether the processor has instructions for them (SHA-NI, the
//! ARMv8 extensions), so nothing is to be chosen here.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub(super) type HmacSha1 = Keyed<Hmac<Sha1>>;
pub(super) type HmacSha256 = Keyed<Hmac<Sha256>>;

/// A keyed hash of what was written so far.
#[derive(Clone)]
pub(super) struct Keyed<M>(M);

impl<M: Mac + KeyInit + Clone> Keyed<M> {
    pub(super) fn new(secret: &str) -> Self {
        let mac = <M as KeyInit>::new_from_slice(secret.as_bytes());
        Self(mac.expect("HMAC takes keys of any length"))
    }

    /// With `bytes` written at the end.
    pub(super) fn then(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    /// The signature of what was written.
    pub(super) fn sign(self) -> Vec<u8> {
        self.0.finalize().into_bytes().to_vec()
    }

    /// Whether `signature` is the one of what was written. How long it takes tells nothing of
    /// where the two differ.
    pub(super) fn verify(self, signature: &[u8]) -> bool {
        self.0.verify_slice(signature).is_ok()
    }
}

/// The SHA-256 of `bytes`.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The SHA-256 of `bytes`, in lower-case hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|half| {
            char::from(match half {
                0..=9 => b'0' + half,
                _ => b'a' + half - 10,
            })
        }));
    }
    text
}

/// Reads hexadecimal in either case; nothing if it is none.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use hmac::{KeyInit, Mac};

    use super::{HmacSha1, HmacSha256, Keyed, from_hex, hex};

    #[test]
    fn hexadecimal_reads_back() {
        assert_eq!(from_hex(&hex(&[0, 15, 16, 255])), Some(vec![0, 15, 16, 255]));
        assert_eq!(from_hex("Ff"), Some(vec![255]));
        for text in ["f", "fg", "+f", "é"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn truncated_signatures_do_not_verify() {
        fn check<M: Mac + KeyInit + Clone>(mac: &Keyed<M>, other: Keyed<M>) {
            let signature = mac.clone().then(b"mes").then(b"sage").sign();
            let mac = mac.clone().then(b"message");
            assert!(mac.clone().verify(&signature));
            assert!(!mac.clone().verify(&signature[1..]));
            assert!(!mac.verify(&[]));
            assert!(!other.then(b"message").verify(&signature));
        }
        check(&HmacSha1::new("secret"), HmacSha1::new("other"));
        check(&HmacSha256::new("secret"), HmacSha256::new("other"));
    }
}

//! The keyed hashes under the three schemes, and their comparison in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Which hash a scheme is built on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm {
    HmacSha1,
    HmacSha256,
}

/// The signature of `message` under `secret`.
pub(super) fn sign(algorithm: Algorithm, secret: &str, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::HmacSha1 => {
            keyed::<Hmac<Sha1>>(secret, message).finalize().into_bytes().to_vec()
        }
        Algorithm::HmacSha256 => {
            keyed::<Hmac<Sha256>>(secret, message).finalize().into_bytes().to_vec()
        }
    }
}

/// Whether `signature` is the one of `message`. How long it takes tells nothing of where the two
/// differ.
pub(super) fn verify(algorithm: Algorithm, secret: &str, message: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        Algorithm::HmacSha1 => keyed::<Hmac<Sha1>>(secret, message).verify_slice(signature).is_ok(),
        Algorithm::HmacSha256 => {
            keyed::<Hmac<Sha256>>(secret, message).verify_slice(signature).is_ok()
        }
    }
}

/// The SHA-256 of `bytes`, in lower-case hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

fn keyed<M: Mac + KeyInit>(secret: &str, message: &[u8]) -> M {
    let mut mac =
        <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, from_hex, hex, sign, verify};

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
        for algorithm in [Algorithm::HmacSha1, Algorithm::HmacSha256] {
            let signature = sign(algorithm, "secret", b"message");
            assert!(verify(algorithm, "secret", b"message", &signature));
            assert!(!verify(algorithm, "secret", b"message", &signature[1..]));
            assert!(!verify(algorithm, "secret", b"message", &[]));
            assert!(!verify(algorithm, "other", b"message", &signature));
        }
    }
}

//! What an invocation carries: JSON of a fixed layout, so that the function reads it without
//! parsing, filled up with base62 noise, so that compression cannot flatter a store.

use bytes::Bytes;

const RUN: usize = 8;
const NUMBER: usize = 25;
const INTENDED: usize = 42;
const NOISE: usize = 73;
const TEMPLATE: &[u8; NOISE] =
    br#"{"run":"0000000000","n":"0000000000","t":"00000000000000000000","noise":""#;
const END: &[u8; 2] = br#""}"#;
pub const SMALLEST: usize = NOISE + END.len();

/// Which invocation this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The step of a session; a function ignores the stragglers of an earlier one.
    pub run: u64,
    /// Counts from 0 within a run.
    pub number: u64,
    /// When the load generator meant to send it.
    pub intended_ns: u64,
}

impl Mark {
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        if body.len() < SMALLEST || !body.starts_with(&TEMPLATE[..RUN]) {
            return None;
        }
        Some(Self {
            run: read_digits(&body[RUN..RUN + 10])?,
            number: read_digits(&body[NUMBER..NUMBER + 10])?,
            intended_ns: read_digits(&body[INTENDED..INTENDED + 20])?,
        })
    }

    /// Of the invocation that the envelope of a callback is about.
    #[must_use]
    pub fn read_envelope(body: &[u8]) -> Option<Self> {
        let envelope: serde_json::Value = serde_json::from_slice(body).ok()?;
        match envelope.get("requestPayload")? {
            serde_json::Value::String(payload) => Self::read(payload.as_bytes()),
            payload => {
                let digits = |name: &str| read_digits(payload.get(name)?.as_str()?.as_bytes());
                Some(Self { run: digits("run")?, number: digits("n")?, intended_ns: digits("t")? })
            }
        }
    }
}

/// Writes payloads of one size.
pub struct Writer {
    noise: Vec<u8>,
    size: usize,
}

impl Writer {
    #[must_use]
    pub fn new(size: usize) -> Self {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let size = size.max(SMALLEST);
        // Twice a megabyte beyond one payload: windows of it seldom overlap within a block.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let noise = (0..size + (2 << 20))
            .map(|_| {
                state = scramble(state);
                ALPHABET[(state % 62) as usize]
            })
            .collect();
        Self { noise, size }
    }

    #[must_use]
    pub fn write(&self, mark: Mark) -> Bytes {
        let filling = self.size - SMALLEST;
        let from = scramble(mark.number + 1) as usize % (self.noise.len() - filling);

        let mut body = Vec::with_capacity(self.size);
        body.extend_from_slice(TEMPLATE);
        write_digits(&mut body[RUN..RUN + 10], mark.run);
        write_digits(&mut body[NUMBER..NUMBER + 10], mark.number);
        write_digits(&mut body[INTENDED..INTENDED + 20], mark.intended_ns);
        body.extend_from_slice(&self.noise[from..from + filling]);
        body.extend_from_slice(END);
        body.into()
    }
}

fn write_digits(field: &mut [u8], mut value: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn read_digits(field: &[u8]) -> Option<u64> {
    field.iter().try_fold(0_u64, |value, digit| {
        digit.is_ascii_digit().then(|| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    })
}

/// `splitmix64`.
pub(crate) fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mark = Mark { run: 7, number: 999_999, intended_ns: 1_795_000_000_123_456_789 };

        let body = Writer::new(1_024).write(mark);

        assert_eq!(body.len(), 1_024);
        assert_eq!(Mark::read(&body), Some(mark));
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["n"], "0000999999");
        for payload in [json, String::from_utf8(body.to_vec()).unwrap().into()] {
            let envelope = serde_json::json!({ "requestPayload": payload });
            let envelope = serde_json::to_vec(&envelope).unwrap();
            assert_eq!(Mark::read_envelope(&envelope), Some(mark));
        }
        assert_eq!(Mark::read_envelope(&body), None);
    }
}

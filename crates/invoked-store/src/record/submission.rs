//! The record of a submission.

use bytes::Bytes;
use invoked_core::id::InvKey;

use crate::codec::{DecodeError, Reader, Writer};
use crate::store::Submission;

/// The version written.
pub const VERSION: u8 = 1;

/// The bytes of a submission.
#[must_use]
pub fn encode(submission: &Submission) -> Bytes {
    let mut writer = Writer::new(VERSION);
    match submission {
        Submission::Stop { key } => {
            writer.u8(1);
            writer.fixed(&key.0);
        }
    }
    writer.finish()
}

/// The submission from its bytes.
///
/// # Errors
/// The bytes are not a record that this program knows.
pub fn decode(record: &[u8]) -> Result<Submission, DecodeError> {
    let (mut reader, _) = Reader::new(record, VERSION)?;
    match reader.u8("submission")? {
        1 => Ok(Submission::Stop { key: InvKey(reader.fixed("key")?) }),
        number => Err(DecodeError::Unknown { field: "submission", number: u64::from(number) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_reads_back_as_it_was() {
        let stop = Submission::Stop { key: InvKey::MAX };
        assert_eq!(decode(&encode(&stop)), Ok(stop));
        assert!(decode(&[1, 9]).is_err());
    }
}

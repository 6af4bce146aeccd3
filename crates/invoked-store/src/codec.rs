//! Bytes of records: a writer and a reader that cannot panic.
//!
//! Every record begins with a version byte. Integers are LEB128 varints, texts and bytes carry
//! their length. A reader that meets a newer version, an unknown number or too few bytes says so;
//! whatever stands on disk, it never panics and never allocates more than the record is long.

use bytes::{BufMut, Bytes, BytesMut};

/// A record does not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// It ends too early.
    #[error("the record ends in the middle of {field}")]
    Short {
        /// What was being read.
        field: &'static str,
    },
    /// A number stands for nothing that is known.
    #[error("{number} is not a known {field}")]
    Unknown {
        /// What was being read.
        field: &'static str,
        /// What was found.
        number: u64,
    },
    /// Written by a newer program.
    #[error("version {found} is newer than {known}")]
    Newer {
        /// Version of the record.
        found: u8,
        /// Newest version known.
        known: u8,
    },
    /// A text is not what it has to be.
    #[error("{field} does not parse")]
    Malformed {
        /// What was being read.
        field: &'static str,
    },
}

/// Builds a record.
#[derive(Debug)]
pub struct Writer {
    bytes: BytesMut,
}

impl Writer {
    /// A record of this version.
    #[must_use]
    pub fn new(version: u8) -> Self {
        let mut bytes = BytesMut::with_capacity(128);
        bytes.put_u8(version);
        Self { bytes }
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.put_u8(value);
    }

    /// An unsigned number.
    pub fn number(&mut self, value: u64) {
        let mut rest = value;
        loop {
            let low = u8::try_from(rest & 0x7f).unwrap_or(0);
            rest >>= 7;
            if rest == 0 {
                self.bytes.put_u8(low);
                return;
            }
            self.bytes.put_u8(low | 0x80);
        }
    }

    /// A signed number, small in either direction.
    pub fn signed(&mut self, value: i64) {
        self.number((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
    }

    /// Bytes of a length that the reader knows.
    pub fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    /// Bytes with their length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.put_slice(bytes);
    }

    /// A text with its length.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A value that may be absent.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                write(self, value);
            }
        }
    }

    /// The record.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.bytes.freeze()
    }
}

/// Takes a record apart.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins with the version byte.
    ///
    /// # Errors
    /// The record is empty or newer than `known`.
    pub fn new(record: &'a [u8], known: u8) -> Result<(Self, u8), DecodeError> {
        let mut reader = Self { rest: record };
        let found = reader.u8("version")?;
        if found == 0 || found > known {
            return Err(DecodeError::Newer { found, known });
        }
        Ok((reader, found))
    }

    /// What is not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// One byte.
    ///
    /// # Errors
    /// The record ends here.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::Short { field })?;
        self.rest = rest;
        Ok(*first)
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// The record ends here, or the number has more than 64 bits.
    pub fn number(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(field)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed { field })
    }

    /// An unsigned number that fits a smaller type.
    ///
    /// # Errors
    /// The record ends here, or the number does not fit.
    pub fn small<T: TryFrom<u64>>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        let number = self.number(field)?;
        T::try_from(number).map_err(|_| DecodeError::Unknown { field, number })
    }

    /// A signed number.
    ///
    /// # Errors
    /// As for [`Reader::number`].
    pub fn signed(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        let number = self.number(field)?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Bytes of a known length.
    ///
    /// # Errors
    /// The record ends here.
    pub fn fixed<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (first, rest) =
            self.rest.split_first_chunk::<N>().ok_or(DecodeError::Short { field })?;
        self.rest = rest;
        Ok(*first)
    }

    /// Bytes with their length.
    ///
    /// # Errors
    /// The record ends here.
    pub fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let length: usize = self.small(field)?;
        let (first, rest) =
            self.rest.split_at_checked(length).ok_or(DecodeError::Short { field })?;
        self.rest = rest;
        Ok(first)
    }

    /// A text with its length.
    ///
    /// # Errors
    /// The record ends here, or the text is not UTF-8.
    pub fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        str::from_utf8(self.bytes(field)?).map_err(|_| DecodeError::Malformed { field })
    }

    /// A value that may be absent.
    ///
    /// # Errors
    /// The record ends here, or the value does not read.
    pub fn option<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        match self.u8(field)? {
            0 => Ok(None),
            1 => read(self).map(Some),
            number => Err(DecodeError::Unknown { field, number: u64::from(number) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_texts_round_trip(unsigned: u64, signed: i64, text: String) {
            let mut writer = Writer::new(1);
            writer.number(unsigned);
            writer.signed(signed);
            writer.text(&text);
            let record = writer.finish();
            let (mut reader, version) = Reader::new(&record, 1).unwrap();
            prop_assert_eq!(version, 1);
            prop_assert_eq!(reader.number("n").unwrap(), unsigned);
            prop_assert_eq!(reader.signed("s").unwrap(), signed);
            prop_assert_eq!(reader.text("t").unwrap(), text);
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        assert_eq!(Reader::new(&[9], 1).err(), Some(DecodeError::Newer { found: 9, known: 1 }));
        assert_eq!(Reader::new(&[], 1).err(), Some(DecodeError::Short { field: "version" }));
    }

    #[test]
    fn a_length_beyond_the_record_is_short_and_allocates_nothing() {
        let (mut reader, _) = Reader::new(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f], 1).unwrap();
        assert_eq!(reader.bytes("b"), Err(DecodeError::Short { field: "b" }));
    }
}

//! A look at the journal before fjall opens it and cuts it at the first entry it does not like.
//!
//! ```text
//! batch   01 | items u32 | seqno u64                                        little-endian
//!         02 | type 1 | compression 1 | keyspace u64 | key u16 | value u32 | stored u32 | key | value
//!         04 | keyspace u64
//!         03 | xxh3 of the items u64 | "FJL" 3
//! ```
//!
//! A batch of ours has an item with the key [`number::BATCH`], its number. Batches are synced one
//! after the other, so only the last numbered one and what maintenance wrote behind it can be torn
//! by a power failure. A break with a numbered batch behind it is damage, and the store must not
//! start: fjall would drop what stands behind. Checksums are left to fjall; see [`crate::open`].

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::keys::number;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8; 4] = b"FJL\x03";
const BUFFER_BYTES: usize = 256 * 1024;
/// Longest value of a number row.
const NUMBER_BYTES_MAX: usize = 16;

/// A batch of ours in the journal.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Numbered {
    /// Where it begins.
    pub(crate) start: u64,
    /// Where it ends.
    pub(crate) end: u64,
    /// Its number.
    pub(crate) number: u64,
}

/// What a journal looks like.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Scan {
    /// The last complete batch of ours before any break.
    pub(crate) last: Option<Numbered>,
    /// Where the last complete batch ends, ours or not.
    pub(crate) end: u64,
    /// The number of a batch of ours behind a break.
    pub(crate) behind_break: Option<u64>,
}

/// Reads a journal.
pub(crate) fn scan(path: &Path) -> io::Result<Scan> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    let mut scan = Scan::default();
    while let Some((bytes, number)) = batch(&mut reader)? {
        let (start, end) = (scan.end, scan.end + bytes);
        if let Some(number) = number {
            scan.last = Some(Numbered { start, end, number });
        }
        scan.end = end;
    }
    reader.seek(SeekFrom::Start(scan.end))?;
    if !only_zeros(&mut reader)? {
        let mut rest = Vec::new();
        reader.seek(SeekFrom::Start(scan.end))?;
        reader.read_to_end(&mut rest)?;
        let known = scan.last.map_or(0, |last| last.number);
        scan.behind_break = numbers(&rest).find(|number| known < *number);
    }
    Ok(scan)
}

/// Numbers of batches that begin right behind something that looks like the end of one.
fn numbers(rest: &[u8]) -> impl Iterator<Item = u64> {
    rest.windows(TRAILER.len()).enumerate().filter(|(_, window)| window == TRAILER).filter_map(
        |(at, _)| {
            let mut behind = rest.get(at + TRAILER.len()..)?;
            batch(&mut behind).ok()??.1
        },
    )
}

fn only_zeros(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(true);
        }
        if buffer.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        let length = buffer.len();
        reader.consume(length);
    }
}

/// The next batch: its length and, if it is ours, its number. `None` where there is no whole one.
fn batch(reader: &mut impl Read) -> io::Result<Option<(u64, Option<u64>)>> {
    match read_batch(reader) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        other => other,
    }
}

fn read_batch(reader: &mut impl Read) -> io::Result<Option<(u64, Option<u64>)>> {
    let [START] = take(reader)? else { return Ok(None) };
    let items = u32::from_le_bytes(take(reader)?);
    take::<8>(reader)?;
    let (mut bytes, mut ours) = (13, None);
    for _ in 0..items {
        match take(reader)? {
            [ITEM] => {
                take::<10>(reader)?;
                let key_bytes = u16::from_le_bytes(take(reader)?);
                take::<4>(reader)?;
                let value_bytes = u32::from_le_bytes(take(reader)?);
                bytes += 21 + u64::from(key_bytes) + u64::from(value_bytes);
                let key = prefix(reader, u64::from(key_bytes), number::BATCH.len() + 1)?;
                let value = prefix(reader, u64::from(value_bytes), NUMBER_BYTES_MAX)?;
                if key == number::BATCH {
                    ours = number::read(&value).ok();
                }
            }
            [CLEAR] => {
                take::<8>(reader)?;
                bytes += 9;
            }
            _ => return Ok(None),
        }
    }
    let [END] = take(reader)? else { return Ok(None) };
    take::<8>(reader)?;
    let trailer: [u8; 4] = take(reader)?;
    Ok((trailer == *TRAILER).then_some((bytes + 13, ours)))
}

fn take<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads `length` bytes and keeps the first of them.
fn prefix(reader: &mut impl Read, length: u64, kept: usize) -> io::Result<Vec<u8>> {
    let mut limited = reader.take(length);
    let mut bytes = Vec::new();
    limited.by_ref().take(kept as u64).read_to_end(&mut bytes)?;
    let skipped = io::copy(&mut limited, &mut io::sink())?;
    if skipped + (bytes.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

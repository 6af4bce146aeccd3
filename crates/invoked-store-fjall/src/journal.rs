//! A look at the journals before fjall opens them and cuts one at the first entry it does not like.
//!
//! ```text
//! batch   01 | items u32 | seqno u64                                        little-endian
//!         02 | type 1 | compression 1 | keyspace u64 | key u16 | value u32 | stored u32 | key | value
//!         04 | keyspace u64
//!         03 | xxh3 of the items u64 | "FJL" 3
//! ```
//!
//! A batch of ours has an item with the key [`number::BATCH`], its number, and one with [`number::APPLIED`]: up to
//! where it brings the tables, as the log counts. Batches are synced one after the other, so only the last numbered one and what maintenance wrote behind it
//! can be torn by a power failure, and the log has what was in it. A break with a numbered batch behind it is
//! damage, and the store must not start: fjall would drop what stands behind. So is a break in any journal but
//! the newest.
//!
//! A break is where no whole batch begins, where a checksum is wrong, and where a number or the
//! order of sequence numbers skips. fjall's checksum does not cover the sequence number: a batch that
//! is taken for an older one than it is would be passed over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

use crate::keys::number;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8; 4] = b"FJL\x03";
const BUFFER_BYTES: usize = 256 * 1024;
/// Longest value of a number row.
const NUMBER_BYTES_MAX: usize = 16;
/// Sequence numbers between two batches of ours, at most: what lies between them are flushes and
/// compactions.
const SEQNO_STEP_MAX: u64 = 1 << 32;

/// A batch of ours in a journal.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Numbered {
    /// Where it begins.
    pub(crate) start: u64,
    /// Where it ends.
    pub(crate) end: u64,
    /// Its number.
    pub(crate) number: u64,
    /// The last batch of the log that the tables have with it. Until format 4 it is this itself.
    pub(crate) applied: u64,
    /// fjall's stamp of it.
    seqno: u64,
}

/// Why a journal goes no further.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Break {
    /// A batch was begun, as a crash leaves it.
    Torn,
    /// A batch is there whole, and its checksum is wrong.
    Checksum,
    /// What stands there is no batch, or not the next.
    Foreign,
}

/// What a journal looks like.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Scan {
    /// The last complete batch of ours before any break, in this journal or an earlier one.
    pub(crate) last: Option<Numbered>,
    /// Where the last complete batch ends, ours or not.
    pub(crate) end: u64,
    /// What comes behind it, unless it is nothing.
    pub(crate) broken: Option<Break>,
    /// Up to where a batch of ours behind a break brings the tables, as the log counts.
    pub(crate) behind_break: Option<u64>,
}

/// The journals of a store, up to the first break.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journals {
    /// The scan of the last that was looked at.
    pub(crate) scan: Scan,
    /// Which that is.
    pub(crate) path: Option<PathBuf>,
    /// Those behind it.
    pub(crate) later: Vec<PathBuf>,
}

/// Looks at all journals of a directory, oldest first, up to the first break.
pub(crate) fn scan_all(directory: &Path) -> io::Result<Journals> {
    let mut found = Journals { later: list(directory)?, ..Journals::default() };
    while found.scan.broken.is_none() && !found.later.is_empty() {
        let path = found.later.remove(0);
        found.scan = scan(&path, found.scan.last)?;
        found.path = Some(path);
    }
    if let (Some(_), None, Some(newest)) =
        (found.scan.broken, found.scan.behind_break, found.later.last())
    {
        // Whatever it has came behind the break.
        let behind = scan(newest, None)?.last.map(|last| last.applied);
        found.scan.behind_break = behind.or(Some(found.scan.last.map_or(0, |last| last.applied)));
    }
    Ok(found)
}

/// Ends a journal there.
pub(crate) fn cut(journal: &Path, end: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(journal)?;
    file.set_len(end)?;
    file.sync_all()
}

/// The journals of a directory, oldest first.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (true, Some(number)) = (is_journal, number) {
            journals.push((number, path));
        }
    }
    journals.sort();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// Reads a journal that comes behind batch `last`.
pub(crate) fn scan(path: &Path, last: Option<Numbered>) -> io::Result<Scan> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    let mut scan = Scan { last, ..Scan::default() };
    while let Some(batch) = batch(&mut reader)? {
        if !batch.is_right {
            scan.broken = Some(Break::Checksum);
            break;
        }
        // Numbers of maintenance's batches may come again; a leap would be kept by all that follow.
        if scan.last.is_some_and(|last| batch.seqno.saturating_sub(last.seqno) > SEQNO_STEP_MAX) {
            scan.broken = Some(Break::Foreign);
            break;
        }
        let (start, end) = (scan.end, scan.end + batch.bytes);
        if let Some(number) = batch.number {
            let applied = batch.applied.unwrap_or(number);
            let next = Numbered { start, end, number, applied, seqno: batch.seqno };
            if scan.last.is_some_and(|last| !last.is_before(next)) {
                scan.broken = Some(Break::Foreign);
                scan.behind_break = Some(applied);
                return Ok(scan);
            }
            scan.last = Some(next);
        }
        scan.end = end;
    }
    reader.seek(SeekFrom::Start(scan.end))?;
    let first = reader.fill_buf()?.first().copied();
    if !only_zeros(&mut reader)? {
        let mut rest = Vec::new();
        reader.seek(SeekFrom::Start(scan.end))?;
        reader.read_to_end(&mut rest)?;
        let known = scan.last.map_or(0, |last| last.number);
        let mut behind = batches(&rest).filter(|batch| batch.is_right);
        let behind = behind.find(|batch| batch.number.is_some_and(|number| known < number));
        scan.behind_break = behind.and_then(|batch| batch.applied.or(batch.number));
        // A batch has items: no torn one is a first byte and nothing behind it.
        let is_begun = first == Some(START) && rest.iter().skip(1).any(|byte| *byte != 0);
        let what = if is_begun { Break::Torn } else { Break::Foreign };
        scan.broken.get_or_insert(what);
    }
    Ok(scan)
}

impl Numbered {
    fn is_before(self, next: Self) -> bool {
        let step = next.seqno.checked_sub(self.seqno);
        next.number == self.number + 1
            && step.is_some_and(|step| (1..=SEQNO_STEP_MAX).contains(&step))
    }
}

/// Batches that begin right behind something that looks like the end of one.
fn batches(rest: &[u8]) -> impl Iterator<Item = Batch> {
    rest.windows(TRAILER.len()).enumerate().filter(|(_, window)| window == TRAILER).filter_map(
        |(at, _)| {
            let mut behind = rest.get(at + TRAILER.len()..)?;
            batch(&mut behind).ok()?
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

/// A batch that is there whole.
struct Batch {
    bytes: u64,
    seqno: u64,
    /// If it is ours.
    number: Option<u64>,
    /// Up to where it brings the tables, as the log counts, if there was a log.
    applied: Option<u64>,
    /// Whether its checksum is that of its items.
    is_right: bool,
}

/// The next batch; `None` where there is no whole one.
fn batch(reader: &mut impl Read) -> io::Result<Option<Batch>> {
    match read_batch(reader) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        other => other,
    }
}

fn read_batch(reader: &mut impl Read) -> io::Result<Option<Batch>> {
    let [START] = take(reader)? else { return Ok(None) };
    let count = u32::from_le_bytes(take(reader)?);
    let seqno = u64::from_le_bytes(take(reader)?);
    let (mut tag, mut number, mut applied) = (take::<1>(reader)?, None, None);
    let mut items = Hashing { inner: reader, hasher: Xxh3Default::new(), bytes: 0 };
    for _ in 0..count {
        items.hasher.update(&tag);
        items.bytes += 1;
        match tag {
            [ITEM] => {
                take::<10>(&mut items)?;
                let key_bytes = u16::from_le_bytes(take(&mut items)?);
                take::<4>(&mut items)?;
                let value_bytes = u32::from_le_bytes(take(&mut items)?);
                let key = prefix(&mut items, u64::from(key_bytes), number::BATCH.len() + 1)?;
                let value = prefix(&mut items, u64::from(value_bytes), NUMBER_BYTES_MAX)?;
                if key == number::BATCH {
                    number = number::read(&value).ok();
                } else if key == number::APPLIED {
                    applied = number::read(&value).ok();
                }
            }
            [CLEAR] => {
                take::<8>(&mut items)?;
            }
            _ => return Ok(None),
        }
        tag = take(items.inner)?;
    }
    let (bytes, hash) = (items.bytes, items.hasher.digest());
    let [END] = tag else { return Ok(None) };
    let checksum = u64::from_le_bytes(take(reader)?);
    let trailer: [u8; 4] = take(reader)?;
    let is_right = checksum == hash;
    Ok((trailer == *TRAILER).then_some(Batch {
        bytes: bytes + 26,
        seqno,
        number,
        applied,
        is_right,
    }))
}

/// Hashes and counts what is read.
struct Hashing<'a, R> {
    inner: &'a mut R,
    hasher: Xxh3Default,
    bytes: u64,
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }
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

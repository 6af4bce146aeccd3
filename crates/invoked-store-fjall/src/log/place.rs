//! Where bodies stand in the log, for those who need them before the tables have them.
//!
//! So a row in memory is small whatever its body. As long as somebody has a place in a file, that file is not begun anew.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes from which on a body is left in the log. Less takes not much more memory than its place.
const LEFT_BYTES_MIN: usize = if cfg!(test) { 32 } else { 256 };
/// Bytes that are read at once, unless one body is longer.
const RUN_BYTES: u64 = 256 << 10;
/// What may lie between two bodies that are read at once: as much as takes as long as one more read.
const GAP_BYTES: u64 = 4 << 10;

/// Where a body is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    file: Arc<File>,
    position: u64,
    length: u32,
    /// xxh3 of the body, from before it was written.
    checksum: u64,
}

impl Place {
    /// Bytes of the body.
    pub(crate) const fn len(&self) -> usize {
        self.length as usize
    }

    /// Reads the body.
    ///
    /// # Errors
    /// `InvalidData`: what is there is not what was written.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        let mut bytes = vec![0; self.len()];
        self.file.read_exact_at(&mut bytes, self.position)?;
        self.checked(&bytes)?;
        Ok(bytes.into())
    }

    fn checked<'a>(&self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        if xxh3_64(bytes) == self.checksum { Ok(bytes) } else { Err(damaged()) }
    }

    fn end(&self) -> u64 {
        self.position + u64::from(self.length)
    }

    /// What a run that begins with `first` has of it.
    fn within<'a>(&self, run: &'a [u8], first: &Self) -> io::Result<&'a [u8]> {
        let offset = usize::try_from(self.position - first.position).map_err(|_| damaged())?;
        let bytes = run.get(offset..).and_then(|behind| behind.get(..self.len()));
        self.checked(bytes.ok_or_else(damaged)?)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a body in the log is not what was written there")
}

/// The bodies of a record that is being written.
#[derive(Debug)]
pub(super) struct Places<'a> {
    file: &'a Arc<File>,
    /// Of the record.
    position: u64,
    places: Vec<Place>,
}

impl<'a> Places<'a> {
    pub(super) const fn new(file: &'a Arc<File>, position: u64) -> Self {
        Self { file, position, places: Vec::new() }
    }

    /// Notes where in the record a body is, if it is one that is left there.
    pub(super) fn note(&mut self, offset: usize, length: u32, body: &[u8]) {
        if is_left(body) {
            let (file, position) = (Arc::clone(self.file), self.position + offset as u64);
            self.places.push(Place { file, position, length, checksum: xxh3_64(body) });
        }
    }

    /// The places, in the order of the rows.
    pub(super) fn into_places(self) -> Vec<Place> {
        self.places
    }
}

/// Whether a body is left in the log.
pub(crate) const fn is_left(body: &[u8]) -> bool {
    body.len() >= LEFT_BYTES_MIN
}

/// Reads bodies from where they are, many at once if they stand near each other. `each` gets the index that came with a
/// place, the body and its checksum.
///
/// # Errors
/// One does not read, or `each` fails.
pub(crate) fn read_all(
    mut places: Vec<(usize, &Place)>,
    mut each: impl FnMut(usize, &[u8], u64) -> io::Result<()>,
) -> io::Result<()> {
    places.sort_unstable_by_key(|(_, place)| (Arc::as_ptr(&place.file), place.position));
    let mut buffer = Vec::new();
    let mut rest = &*places;
    while let Some((_, first)) = rest.first() {
        let is_near = |pair: &&[(usize, &Place)]| match pair {
            [(_, one), (_, next)] => {
                Arc::ptr_eq(&one.file, &next.file)
                    && next.position <= one.end() + GAP_BYTES
                    && next.end() <= first.position + RUN_BYTES
            }
            _ => false,
        };
        let count = 1 + rest.windows(2).take_while(is_near).count();
        let (run, later) = rest.split_at(count);
        rest = later;
        let end = run.last().map_or(first.position, |(_, last)| last.end());
        let length = usize::try_from(end - first.position).map_err(|_| damaged())?;
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let bytes = buffer.get_mut(..length).ok_or_else(damaged)?;
        first.file.read_exact_at(bytes, first.position)?;
        for (index, place) in run {
            each(*index, place.within(bytes, first)?, place.checksum)?;
        }
    }
    Ok(())
}

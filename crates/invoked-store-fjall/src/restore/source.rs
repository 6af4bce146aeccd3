//! A backup that is read: its checksums first, then its rows in order.
//!
//! It may come from anywhere. Only plain files of its own directory are opened, whatever its manifest names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use invoked_store::RestoreError;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::backup::{self, FileSum, MAGIC, MANIFEST, Manifest, ROW, SUMS, TABLE, hex};

/// Of a manifest, or of the sums: far more than the files of any store.
const TEXT_BYTES_MAX: u64 = 64 << 20;
const BUFFER_BYTES: usize = 1 << 20;

/// A backup whose files are as they were written.
#[derive(Debug)]
pub(super) struct Source {
    directory: PathBuf,
    manifest: Manifest,
}

impl Source {
    /// Reads every file once.
    pub(super) fn open(directory: &Path) -> Result<Self, RestoreError> {
        let no_backup =
            |what: String| RestoreError::NoBackup { path: directory.display().to_string(), what };
        let text = |name: &str| match read(&directory.join(name)) {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(no_backup(format!("{name}: {error}"))),
        };
        let (sums, manifest) = (text(SUMS)?, text(MANIFEST)?);
        let mut sums = parse_sums(&sums).ok_or_else(|| damaged(SUMS, "does not read"))?;
        compare(&mut sums, MANIFEST, &hex(&Sha256::digest(&manifest)))?;
        let manifest = parse_manifest(&manifest)?;
        for FileSum { name, bytes, sha256 } in &manifest.files {
            if !is_in_directory(name) {
                let what =
                    format!("names a file {name:?}, which is no plain name in its directory");
                return Err(damaged(MANIFEST, &what));
            }
            let (found, length) = hash(&directory.join(name))
                .map_err(|error| damaged(name, &format!("does not read: {error}")))?;
            compare(&mut sums, name, &found)?;
            if (*bytes, sha256) != (length, &found) {
                return Err(damaged(name, "is not the one that the manifest has"));
            }
        }
        if let Some(name) = sums.into_keys().next() {
            return Err(damaged(SUMS, &format!("has a file {name} that the manifest has not")));
        }
        Ok(Self { directory: directory.to_owned(), manifest })
    }

    /// What it says of itself.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

fn parse_manifest(text: &[u8]) -> Result<Manifest, RestoreError> {
    let unreadable = |error| damaged(MANIFEST, &format!("does not read: {error}"));
    // A newer one may have fields that are not known: its format is looked at before them.
    let any: serde_json::Value = serde_json::from_slice(text).map_err(unreadable)?;
    let format = any.get("format").and_then(serde_json::Value::as_u64).unwrap_or_default();
    let found = u32::try_from(format).unwrap_or(u32::MAX);
    if found > backup::FORMAT {
        return Err(RestoreError::Newer { found, known: backup::FORMAT });
    }
    serde_json::from_value(any).map_err(unreadable)
}

fn damaged(file: &str, what: &str) -> RestoreError {
    RestoreError::Damaged { file: file.to_owned(), what: what.to_owned() }
}

/// Takes the sum of a file, which has to be this one.
fn compare(
    sums: &mut BTreeMap<String, String>,
    name: &str,
    found: &str,
) -> Result<(), RestoreError> {
    match sums.remove(name) {
        Some(wanted) if wanted == found => Ok(()),
        Some(_) => Err(damaged(name, &format!("has not the checksum that {SUMS} has"))),
        None => Err(damaged(SUMS, &format!("lacks {name}"))),
    }
}

fn parse_sums(text: &[u8]) -> Option<BTreeMap<String, String>> {
    let line = |line: &str| {
        let (sum, name) = line.split_once("  ")?;
        Some((name.to_owned(), sum.to_owned()))
    };
    str::from_utf8(text).ok()?.strip_suffix('\n')?.split('\n').map(line).collect()
}

/// Whether a name leads nowhere but into the directory that it is looked up in.
fn is_in_directory(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(only)), None) if only == name)
}

/// Opens a file that is one. A link may lead out of the directory, and a pipe would wait for whoever writes.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => {
            return Err(io::Error::other("it is a symbolic link, not a plain file"));
        }
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    Ok(file)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(TEXT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hash(path: &Path) -> io::Result<(String, u64)> {
    let (mut file, mut hasher) = (open(path)?, Sha256::new());
    let (mut buffer, mut bytes) = (vec![0; BUFFER_BYTES], 0);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((hex(&hasher.finalize()), bytes));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
}

/// A key and its value.
type Row = (Vec<u8>, Vec<u8>);

/// The rows of a backup, file after file.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    source: &'a Source,
    /// Files that are still to come.
    left: std::slice::Iter<'a, FileSum>,
    open: Option<BufReader<File>>,
    /// What was read and not taken.
    ahead: Option<Record>,
}

#[derive(Debug)]
enum Record {
    Table(String),
    Row(Vec<u8>, Vec<u8>),
}

impl<'a> Rows<'a> {
    pub(super) fn of(source: &'a Source) -> Self {
        Self { source, left: source.manifest.files.iter(), open: None, ahead: None }
    }

    /// The next table; `None` behind the last.
    pub(super) fn table(&mut self) -> Result<Option<String>, RestoreError> {
        match self.next()? {
            None => Ok(None),
            Some(Record::Table(name)) => Ok(Some(name)),
            Some(Record::Row(..)) => Err(damaged(MANIFEST, "has rows of no table")),
        }
    }

    /// The next row of this table; `None` where another begins.
    pub(super) fn row(&mut self, table: &str) -> Result<Option<Row>, RestoreError> {
        loop {
            match self.next()? {
                None => return Ok(None),
                // Every file begins with the table that its rows are of.
                Some(Record::Table(name)) if name == table => {}
                Some(other @ Record::Table(_)) => {
                    self.ahead = Some(other);
                    return Ok(None);
                }
                Some(Record::Row(key, value)) => return Ok(Some((key, value))),
            }
        }
    }

    fn next(&mut self) -> Result<Option<Record>, RestoreError> {
        if let Some(record) = self.ahead.take() {
            return Ok(Some(record));
        }
        loop {
            if let Some(open) = &mut self.open {
                match record(open) {
                    Ok(Some(record)) => return Ok(Some(record)),
                    Ok(None) => self.open = None,
                    Err(error) => {
                        return Err(damaged("a file", &format!("does not read: {error}")));
                    }
                }
            }
            let Some(FileSum { name, .. }) = self.left.next() else { return Ok(None) };
            let unreadable = |error: io::Error| damaged(name, &format!("does not read: {error}"));
            let file = open(&self.source.directory.join(name)).map_err(unreadable)?;
            let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
            if &take::<8>(&mut file).map_err(unreadable)? != MAGIC {
                return Err(damaged(name, "has no rows"));
            }
            self.open = Some(file);
        }
    }
}

/// The next record; `None` at the end.
fn record(file: &mut impl Read) -> io::Result<Option<Record>> {
    let kind = match take::<1>(file) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    match kind {
        [TABLE] => {
            let [length] = take(file)?;
            let name = String::from_utf8(bytes(file, u64::from(length))?);
            name.map(|name| Some(Record::Table(name))).map_err(|_| ErrorKind::InvalidData.into())
        }
        [ROW] => {
            let key_bytes = u16::from_be_bytes(take(file)?);
            let value_bytes = u32::from_be_bytes(take(file)?);
            let key = bytes(file, u64::from(key_bytes))?;
            Ok(Some(Record::Row(key, bytes(file, u64::from(value_bytes))?)))
        }
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn bytes(file: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

fn take<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

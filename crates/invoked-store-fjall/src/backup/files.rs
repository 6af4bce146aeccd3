//! The files of a backup that is being written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{FileSum, MAGIC, MANIFEST, Manifest, ROW, SUMS, TABLE};
use crate::directory;

/// A file begins behind one of this size.
const FILE_BYTES: u64 = 64 << 20;
/// So many bytes are synced at a time: a sync of more would hold up those of the journal on its disk.
const SYNC_BYTES: u64 = 4 << 20;
const BUFFER_BYTES: usize = 256 * 1024;
/// How the names of files with rows begin.
const ROWS: &str = "rows-";

/// What is written.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    open: Open,
    /// The table whose rows are written.
    table: String,
    done: Vec<FileSum>,
    /// Bytes of the files that are done.
    done_bytes: u64,
}

#[derive(Debug)]
struct Open {
    name: String,
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
    synced: u64,
}

impl Files {
    /// Makes the directory. What an earlier backup left there is removed: it was never whole.
    pub(super) fn make(directory: &Path) -> io::Result<Self> {
        match remove_left(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => directory::create(directory)?,
        }
        let open = Open::make(directory, 1)?;
        let (table, done) = (String::new(), Vec::new());
        Ok(Self { directory: directory.to_owned(), open, table, done, done_bytes: 0 })
    }

    /// Bytes that are written.
    pub(super) fn bytes(&self) -> u64 {
        self.done_bytes + self.open.bytes
    }

    /// Rows of this table follow.
    pub(super) fn table(&mut self, name: &str) -> io::Result<()> {
        name.clone_into(&mut self.table);
        self.open.table(name)
    }

    /// Writes a row.
    pub(super) fn row(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        if self.open.bytes > FILE_BYTES {
            let next = Open::make(&self.directory, self.done.len() + 2)?;
            let full = std::mem::replace(&mut self.open, next);
            self.close(full)?;
            self.open.table(&self.table)?;
        }
        let too_long = |_| io::Error::from(io::ErrorKind::InvalidData);
        self.open.write(&[ROW])?;
        self.open.write(&u16::try_from(key.len()).map_err(too_long)?.to_be_bytes())?;
        self.open.write(&u32::try_from(value.len()).map_err(too_long)?.to_be_bytes())?;
        self.open.write(key)?;
        self.open.write(value)
    }

    fn close(&mut self, open: Open) -> io::Result<()> {
        let sum = open.finish()?;
        self.done_bytes += sum.bytes;
        self.done.push(sum);
        Ok(())
    }

    /// Writes what says that it is whole, and syncs everything. Returns the bytes of all files.
    pub(super) fn finish(mut self, manifest: Manifest) -> io::Result<u64> {
        self.done.push(self.open.finish()?);
        let manifest = Manifest { files: self.done, ..manifest };
        let text = serde_json::to_vec_pretty(&manifest)?;
        let mut sums = String::new();
        for FileSum { name, sha256, .. } in &manifest.files {
            sums.push_str(&format!("{sha256}  {name}\n"));
        }
        sums.push_str(&format!("{}  {MANIFEST}\n", hex(&Sha256::digest(&text))));
        write_synced(&self.directory.join(MANIFEST), &text)?;
        write_synced(&self.directory.join(SUMS), sums.as_bytes())?;
        directory::sync(&self.directory)?;
        Ok(manifest.files.iter().map(|file| file.bytes).sum())
    }
}

impl Open {
    fn make(directory: &Path, number: usize) -> io::Result<Self> {
        let name = format!("{ROWS}{number:05}");
        let file = create(&directory.join(&name))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let mut open = Self { name, file, hasher: Sha256::new(), bytes: 0, synced: 0 };
        open.write(MAGIC)?;
        Ok(open)
    }

    fn table(&mut self, name: &str) -> io::Result<()> {
        let length = u8::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        self.write(&[TABLE, length])?;
        self.write(name.as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.bytes - self.synced >= SYNC_BYTES {
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
            self.synced = self.bytes;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<FileSum> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(FileSum { name: self.name, bytes: self.bytes, sha256: hex(&self.hasher.finalize()) })
    }
}

/// Removes what an earlier backup left, and nothing that is none of it.
pub(super) fn remove_left(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != MANIFEST && name != SUMS && !name.starts_with(ROWS) {
            let text = format!("it holds {name}, which no backup has; move it away");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
    }
    fs::remove_dir_all(directory)
}

/// Gives a backup its name, for good.
pub(super) fn name(partial: &Path, path: &Path) -> io::Result<()> {
    fs::rename(partial, path)?;
    match path.parent() {
        Some(parent) if parent != Path::new("") => directory::sync(parent),
        _ => directory::sync(Path::new(".")),
    }
}

/// A hash in the form of `sha256sum`.
pub(crate) fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

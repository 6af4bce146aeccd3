//! The whole store, read: every byte of its files against fjall's checksums, then every row.

use std::io;
use std::path::Path;

use invoked_core::id::{InvKey, ShardId};
use invoked_store::StoreError;
use invoked_store::codec::DecodeError;

use crate::acknowledged::Acknowledged;
use crate::check;
use crate::error::{corrupt, file};
use crate::journal::{self, Break};
use crate::keys::{
    MetaKind, RecordKind, SENTINEL, Table, body, callback, due, epoch, live, live_count, name,
    number, record, registry, status, submission, task_id, total,
};
use crate::log::scan;
use crate::open::{self, Lock, lock};
use crate::read::View;

/// Problems that are told one by one.
const PROBLEMS_MAX: usize = 1_000;

/// What was read, and what is wrong with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verified {
    /// Files whose checksums were compared.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Rows that were read.
    pub rows: u64,
    /// What is wrong, in words; at most a thousand.
    pub problems: Vec<String>,
    /// How much is.
    pub wrong: u64,
}

impl Verified {
    fn tell(&mut self, problem: String) {
        self.wrong += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// Reads every file of a store that nobody has open, and changes none.
///
/// # Errors
/// Somebody has it, or a file cannot be read.
pub fn verify_files(path: &Path) -> Result<Verified, StoreError> {
    let shown = path.display().to_string();
    let fail = |error: io::Error| file(&shown, &error);
    let lock = lock(path).map_err(fail)?;
    if matches!(lock, Lock::Taken) {
        return Err(StoreError::InUse { path: shown });
    }
    let checked = check::check(path, true).map_err(fail)?;
    let mut verified =
        Verified { files: checked.files, bytes: checked.bytes, ..Verified::default() };
    for damage in checked.damages {
        verified.tell(format!("{}: {}", damage.file.display(), damage.what));
    }
    journals(path, &mut verified).map_err(fail)?;
    Ok(verified)
}

/// A batch that was begun at the end is no damage: a crash leaves it, nobody was told of it, and the next
/// start cuts it off.
fn journals(path: &Path, verified: &mut Verified) -> io::Result<()> {
    for journal in journal::list(path)? {
        verified.files += 1;
        verified.bytes += journal.metadata()?.len();
    }
    let journals = journal::scan_all(path)?;
    let shown = journals.path.clone().unwrap_or_default().display().to_string();
    let log = scan::scan(path)?;
    for (_, bytes) in &log.files {
        verified.files += 1;
        verified.bytes += bytes;
    }
    let acknowledged = Acknowledged::existing(path)?;
    if acknowledged.as_ref().is_some_and(|file| !file.is_whole()) {
        verified.tell("acknowledged: does not read".to_owned());
    }
    let is_had = open::is_had(&journals, &log, acknowledged.as_ref());
    let scan = journals.scan;
    let found = scan.last.map_or(0, |last| last.applied);
    if is_had {
        // The next start cuts the break off, if there is one, and has the rows from the log.
    } else if let Some(behind) = scan.behind_break {
        verified.tell(format!("{shown}: breaks behind batch {found}, but batch {behind} follows"));
    } else {
        // Without a batch of ours in the journals, the tables alone say how far they are; the rows are read next.
        if let (Some(_), Err(error)) = (scan.last, open::whole(&log, acknowledged.as_ref(), found))
        {
            verified.tell(StoreError::from(error).to_string());
        }
        match scan.broken {
            None | Some(Break::Torn) => {}
            Some(Break::Checksum) => {
                verified
                    .tell(format!("{shown}: the checksum of the batch at {} is wrong", scan.end));
            }
            Some(Break::Foreign) => {
                verified.tell(format!("{shown}: what stands behind {} is no batch", scan.end));
            }
        }
    }
    Ok(())
}

/// Reads every row of every table.
pub(crate) fn rows(view: &View<'_>, tables: &[Table]) -> Result<Verified, StoreError> {
    let mut verified = Verified::default();
    for table in tables {
        for row in view.all(*table) {
            let (key, value) = match row {
                Ok(row) => row,
                // What comes behind it cannot be reached.
                Err(error) => {
                    verified.tell(format!("{table}: {error}"));
                    break;
                }
            };
            if key.as_ref() == SENTINEL {
                continue;
            }
            verified.rows += 1;
            if let Err(error) = one(view, *table, &key, &value) {
                verified.tell(format!("{table}: {error}"));
            }
        }
    }
    Ok(verified)
}

fn inv(key: &[u8]) -> Result<InvKey, StoreError> {
    let key = key.try_into().map(InvKey);
    key.map_err(|_| corrupt("a key".to_owned(), DecodeError::Short { field: "key" }))
}

fn one(view: &View<'_>, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let odd = |what: &str| corrupt(what.to_owned(), DecodeError::Malformed { field: "row" });
    match table {
        Table::Live => {
            let head = live::decode_value(inv(key)?, value)?;
            let place = due::encode_key(head.key.shard(), head.slot(), head.key);
            match view.get(Table::Due, place)? {
                Some(_) => Ok(()),
                None => Err(odd(&format!("the place of row {:?}", head.key))),
            }
        }
        Table::Due => {
            let read = due::decode_key(key);
            let (_, _, key) = read.map_err(|source| corrupt("a place".to_owned(), source))?;
            match view.live(key)? {
                Some(_) => Ok(()),
                None => Err(odd(&format!("the row {key:?} of a place"))),
            }
        }
        Table::Pay => inv(key.get(..16).unwrap_or_default()).map(|_| ()),
        Table::Bodies(day) => {
            inv(key.get(1..).unwrap_or_default())?;
            if body::is_packed(key) && view.unpacked(day, key, value)?.is_none() {
                return Err(odd("a body"));
            }
            Ok(())
        }
        Table::Meta => meta(key, value),
        Table::Records(_) | Table::Callbacks(_) => record_or_callback(key, value),
    }
}

fn record_or_callback(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let unread = |source| corrupt("a row".to_owned(), source);
    let [kind, rest @ ..] = key else { return inv(key).map(|_| ()) };
    match *kind {
        kind if kind == RecordKind::Record as u8 => {
            record::decode_value(inv(rest)?, value).map(|_| ())
        }
        kind if kind == RecordKind::Status as u8 => {
            let prefix = key.get(..6).unwrap_or_default();
            status::decode_position(prefix, key).map(|_| ()).map_err(unread)
        }
        kind if kind == RecordKind::TaskId as u8 => {
            task_id::decode_position(key, value).map(|_| ()).map_err(unread)
        }
        kind if kind == RecordKind::Callback as u8 => callback::decode(key, value).map(|_| ()),
        kind if kind == RecordKind::CallbackOf as u8 => {
            inv(rest)?;
            callback::decode_of_value(value).map(|_| ())
        }
        // The order of acceptance, which earlier programs wrote and nobody reads.
        2 => Ok(()),
        kind => Err(unread(DecodeError::Unknown { field: "kind", number: u64::from(kind) })),
    }
}

fn meta(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let unread = |source| corrupt("a row".to_owned(), source);
    let [kind, rest @ ..] = key else { return inv(key).map(|_| ()) };
    let is = |of: MetaKind| *kind == of as u8;
    let shard = || -> Result<ShardId, StoreError> {
        let bytes = rest.first_chunk().ok_or(DecodeError::Short { field: "shard" });
        Ok(ShardId(u16::from_be_bytes(*bytes.map_err(unread)?)))
    };
    let numbers =
        [MetaKind::Format, MetaKind::Batch, MetaKind::Next, MetaKind::Shards, MetaKind::Applied];
    if numbers.into_iter().any(is) {
        number::decode_value("a number", value).map(|_| ())
    } else if is(MetaKind::Epoch) {
        epoch::decode_value(value).map(|_| ())
    } else if is(MetaKind::Total) {
        total::decode(shard()?, key, value).map(|_| ())
    } else if is(MetaKind::Name) {
        let name = str::from_utf8(rest);
        let name = name.map_err(|_| unread(DecodeError::Malformed { field: "name" }))?;
        name::decode_id_value(name, value).map(|_| ())
    } else if is(MetaKind::Function) {
        name::decode_id(key, value).map(|_| ())
    } else if is(MetaKind::Registry) {
        registry::decode(key, value).map(|_| ())
    } else if is(MetaKind::Submission) {
        submission::decode(shard()?, key, value).map(|_| ())
    } else if is(MetaKind::LiveCount) {
        live_count::decode(key, value).map(|_| ())
    } else {
        Err(unread(DecodeError::Unknown { field: "kind", number: u64::from(*kind) }))
    }
}

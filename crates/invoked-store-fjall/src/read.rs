//! Reading. Every read sees the store as it was between two batches.

use std::io;
use std::ops::Bound;
use std::path::Path;

use bytes::Bytes;
use fjall::{AbstractTree as _, Readable as _, Snapshot, UserKey, UserValue};
use invoked_core::callback::Callback;
use invoked_core::head::Head;
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::shard::{BytesWanted, KeptCallback, LoadedBytes};
use invoked_core::time::{Day, Timestamp};
use invoked_core::totals::Total;
use invoked_store::{Found, RegistryEntry, StoreError, Submission};

use crate::error::{corrupt, engine, file};
use crate::figures::TableFigures;
use crate::keys::body::Stored;
use crate::keys::{
    BodyKind, KeyRange, Table, beginning_with, body, callback, live, name, number, pay, record,
    registry, submission, total,
};
use crate::staged::{Staged, Value};
use crate::tables::Tables;

mod lanes;
pub(crate) mod look;
mod tasks;
mod walk;

/// A row, or why it does not read.
type Row = Result<(UserKey, UserValue), StoreError>;

/// The store between two batches.
pub(crate) struct View<'a> {
    tables: &'a Tables,
    snapshot: Snapshot,
    /// What the log has of rows that are looked up by their keys: it counts before the tables. Ranges are without it.
    above: Staged,
}

impl<'a> View<'a> {
    /// As it is now.
    pub(crate) fn new(tables: &'a Tables) -> Self {
        Self::below(tables, Staged::default())
    }

    /// As it is now, below what the log has of the rows that are looked up. The overlay must not change meanwhile.
    pub(crate) fn below(tables: &'a Tables, above: Staged) -> Self {
        Self { tables, snapshot: tables.snapshot(), above }
    }

    /// Reads what the log has of them, so that nothing in the log is held on to.
    pub(crate) fn take_in(&mut self) -> Result<(), StoreError> {
        self.above.take_in().map_err(|error| file("the log", &error))
    }

    /// The store's directory.
    pub(crate) fn path(&self) -> &Path {
        self.tables.path()
    }

    /// Every table that there is.
    pub(crate) fn tables(&self) -> Vec<Table> {
        self.tables.all()
    }

    /// How large a table is.
    pub(crate) fn figures(&self, table: Table) -> Option<TableFigures> {
        let keyspace = self.tables.existing(table)?;
        // What cannot be looked at is an error of whoever reads it.
        let packs = table.day_of_bodies().and_then(|day| self.tables.packs.bytes(day).ok());
        Some(TableFigures {
            name: table.to_string(),
            bytes: keyspace.disk_space().saturating_add(packs.unwrap_or(0)),
            entries: keyspace.approximate_len() as u64,
            tombstones: keyspace.tree.tombstone_count(),
        })
    }

    /// One row.
    pub(crate) fn get(
        &self,
        table: Table,
        key: impl AsRef<[u8]>,
    ) -> Result<Option<UserValue>, StoreError> {
        if let Some(value) = self.above.get(table, key.as_ref()) {
            return Ok(in_log(value.as_ref())?.map(|value| UserValue::from(&*value)));
        }
        let Some(keyspace) = self.tables.existing(table) else { return Ok(None) };
        self.snapshot.get(&keyspace, key).map_err(engine)
    }

    /// The rows of a range, from either end.
    pub(crate) fn range(
        &self,
        table: Table,
        range: KeyRange,
    ) -> impl DoubleEndedIterator<Item = Row> + use<> {
        let keyspace = self.tables.existing(table);
        let rows = keyspace.map(|keyspace| self.snapshot.range(&keyspace, range));
        rows.into_iter().flatten().map(|guard| guard.into_inner().map_err(engine))
    }

    /// All rows of a table, those that are none of ours included.
    pub(crate) fn all(&self, table: Table) -> impl DoubleEndedIterator<Item = Row> + use<> {
        self.range(table, (Bound::Unbounded, Bound::Unbounded))
    }

    /// The rows whose keys begin so.
    pub(crate) fn beginning_with(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = Row> + use<> {
        self.range(table, beginning_with(prefix))
    }

    /// A row that is live.
    pub(crate) fn live(&self, key: InvKey) -> Result<Option<Head>, StoreError> {
        let value = self.get(Table::Live, live::encode_key(key))?;
        value.map(|value| live::decode_value(key, &value)).transpose()
    }

    /// All rows that are live, by key.
    pub(crate) fn live_rows(&self) -> impl Iterator<Item = Result<Head, StoreError>> + use<> {
        let rows = self.all(Table::Live);
        rows.filter_map(|row| match row {
            // The sentinel is not a row.
            Ok((key, value)) => {
                let key = InvKey(key.as_ref().try_into().ok()?);
                Some(live::decode_value(key, &value))
            }
            Err(error) => Some(Err(error)),
        })
    }

    /// A row, live or kept.
    pub(crate) fn head(&self, key: InvKey) -> Result<Option<Found>, StoreError> {
        if let Some(head) = self.live(key)? {
            return Ok(Some(Found { head, is_kept: false }));
        }
        let kept = record::encode_key(key);
        let mut days = self.tables.days();
        days.extend(self.above.tables().filter_map(Table::day_of_records));
        for day in days.into_iter().rev() {
            if let Some(value) = self.get(Table::Records(day), kept)? {
                let head = record::decode_value(key, &value)?;
                return Ok(Some(Found { head, is_kept: true }));
            }
        }
        Ok(None)
    }

    /// The bytes of a row.
    pub(crate) fn bytes(&self, wanted: BytesWanted) -> Result<LoadedBytes, StoreError> {
        let key = wanted.key;
        let (payload, mut result) = match wanted.bucket {
            None => {
                let result = pay::encode_result_key(key);
                (self.value(Table::Pay, &pay::encode_key(key))?, self.value(Table::Pay, &result)?)
            }
            Some(day) => {
                (self.body(day, BodyKind::Payload, key)?, self.body(day, BodyKind::Result, key)?)
            }
        };
        if let (Some(day), None) = (wanted.bucket, &result)
            && let Some(value) = self.get(Table::Records(day), record::encode_key(key))?
        {
            result = record::decode_answer(key, &value)?.map(Bytes::copy_from_slice);
        }
        Ok(LoadedBytes { key, payload, result })
    }

    /// A body of a task.
    fn body(&self, day: Day, kind: BodyKind, key: InvKey) -> Result<Option<Bytes>, StoreError> {
        let table = Table::Bodies(day);
        let raw = body::encode_key(kind, key);
        if self.above.get(table, &raw).is_some() {
            return self.value(table, &raw);
        }
        let packed = body::encode_packed_key(kind, key);
        if let Some(value) = self.get(table, packed)? {
            return self.unpacked(day, &packed, &value);
        }
        self.value(table, &raw)
    }

    /// The bytes of a row whose value they are.
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if let Some(value) = self.above.get(table, key) {
            return in_log(value.as_ref());
        }
        Ok(self.get(table, key)?.as_deref().map(copy))
    }

    /// The body that a row of a day says where to find; `None` once the day has gone.
    pub(crate) fn unpacked(
        &self,
        day: Day,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        let stored = body::decode_packed(value);
        let place = match stored.map_err(|source| corrupt("where a body is".to_owned(), source))? {
            Stored::Here(bytes) => return Ok(Some(bytes)),
            Stored::Packed(place) => place,
        };
        match self.tables.packs.read(day, place, key) {
            Ok(bytes) => Ok(Some(bytes)),
            // The bucket goes first.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.has_bodies(day) => {
                Ok(None)
            }
            Err(error) => Err(file(&format!("pack {} of day {day}", place.number), &error)),
        }
    }

    fn has_bodies(&self, day: Day) -> bool {
        self.tables.existing(Table::Bodies(day)).is_some()
    }

    /// A row as a backup has it, which needs no pack; `None` once its day has gone.
    pub(crate) fn whole(
        &self,
        table: Table,
        key: &[u8],
        value: UserValue,
    ) -> Result<Option<UserValue>, StoreError> {
        match table.day_of_bodies() {
            Some(day) if body::is_packed(key) => {
                let bytes = self.unpacked(day, key, &value)?;
                Ok(bytes.map(|bytes| body::encode_here(&bytes).into()))
            }
            Some(_) | None => Ok(Some(value)),
        }
    }

    /// The number of the log's last batch that the tables have. Until format 4 there was no log.
    pub(crate) fn applied(&self) -> Result<u64, StoreError> {
        for key in [number::APPLIED, number::BATCH] {
            if let Some(value) = self.get(Table::Meta, key)? {
                return number::decode_value("the number of the last batch", &value);
            }
        }
        Ok(0)
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> Result<u16, StoreError> {
        let Some(value) = self.get(Table::Meta, number::SHARDS)? else { return Ok(1) };
        let shards = number::decode_value("the number of shards", &value)?;
        Ok(u16::try_from(shards).unwrap_or(1))
    }

    /// The counts of a shard.
    pub(crate) fn totals(&self, shard: ShardId) -> Result<Vec<Total>, StoreError> {
        let rows = self.beginning_with(Table::Meta, &total::encode_prefix(shard));
        rows.map(|row| row.and_then(|(key, value)| total::decode(shard, &key, &value))).collect()
    }

    /// Callbacks that were given up, oldest first.
    pub(crate) fn kept_callbacks(
        &self,
        after: Option<(Timestamp, InvKey)>,
        limit: usize,
    ) -> Result<Vec<KeptCallback>, StoreError> {
        let first = after.map(|(failed_at, _)| failed_at.day());
        let mut kept = Vec::new();
        for day in self.tables.callback_days() {
            if first.is_some_and(|first| day < first) {
                continue;
            }
            let room = limit.saturating_sub(kept.len());
            let mut of_day = Vec::new();
            for table in [Table::Callbacks(day), Table::Records(day)] {
                for row in self.range(table, callback::range_behind(after)).take(room) {
                    let (key, value) = row?;
                    of_day.push(callback::decode(&key, &value)?);
                }
            }
            of_day.sort_unstable_by_key(|kept| (kept.failed_at, kept.key));
            of_day.truncate(room);
            kept.append(&mut of_day);
        }
        Ok(kept)
    }

    /// The callback of this row that was given up.
    pub(crate) fn kept_callback(&self, key: InvKey) -> Result<Option<KeptCallback>, StoreError> {
        for day in self.tables.callback_days().into_iter().rev() {
            for table in [Table::Callbacks(day), Table::Records(day)] {
                if let Some(value) = self.get(table, callback::encode_of_key(key))? {
                    return self.kept_callback_at(callback::decode_of_value(&value)?, key);
                }
            }
        }
        // Of those given up before there was this index, the ones that left a record say where.
        match self.head(key)?.map(|found| found.head.callback) {
            Some(Callback::Failed { at, .. }) => self.kept_callback_at(at, key),
            Some(
                Callback::None
                | Callback::Owed { .. }
                | Callback::Calling { .. }
                | Callback::Delivered { .. },
            )
            | None => Ok(None),
        }
    }

    fn kept_callback_at(
        &self,
        at: Timestamp,
        key: InvKey,
    ) -> Result<Option<KeptCallback>, StoreError> {
        let place = callback::encode_key(at, key);
        for table in [Table::Callbacks(at.day()), Table::Records(at.day())] {
            if let Some(value) = self.get(table, &place)? {
                return callback::decode(&place, &value).map(Some);
            }
        }
        Ok(None)
    }

    /// Submissions of a shard that are not acknowledged.
    pub(crate) fn submissions(&self, shard: ShardId) -> Result<Vec<(u64, Submission)>, StoreError> {
        let rows = self.beginning_with(Table::Meta, &submission::encode_prefix(shard));
        let read = |row: Row| row.and_then(|(key, value)| submission::decode(shard, &key, &value));
        rows.map(read).collect()
    }

    /// The dictionary.
    pub(crate) fn names(&self) -> Result<Vec<(FnId, String)>, StoreError> {
        let rows = self.beginning_with(Table::Meta, &name::ID_PREFIX);
        rows.map(|row| row.and_then(|(key, value)| name::decode_id(&key, &value))).collect()
    }

    /// The registry.
    pub(crate) fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError> {
        let rows = self.beginning_with(Table::Meta, &registry::PREFIX);
        rows.map(|row| row.and_then(|(key, value)| registry::decode(&key, &value))).collect()
    }
}

/// What the log has of a row; `None`: it is removed.
fn in_log(value: Option<&Value>) -> Result<Option<Bytes>, StoreError> {
    value.map(Value::read).transpose().map_err(|error| file("the log", &error))
}

/// A copy, because a value may be a small part of a block that it would keep in memory.
fn copy(value: &[u8]) -> Bytes {
    Bytes::copy_from_slice(value)
}

//! Pages of tasks, in the order of their acceptance.
//!
//! The index of the status that is asked for is walked, or those of all. Every bucket has its own, so the
//! walk merges them. Tasks that are due since their acceptance stand in the order of due work at the same
//! position, and are taken from there ([`Walk`]). Where ids have to begin with something and few do, those
//! are looked up and sorted instead.

use std::cmp::Ordering;
use std::ops::Bound;

use invoked_core::head::Head;
use invoked_core::id::InvKey;
use invoked_core::lane::Position;
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::shard::BytesWanted;
use invoked_core::time::Day;
use invoked_store::codec::DecodeError;
use invoked_store::{Order, StoreError, TaskPage, TaskQuery, TaskView};

use super::View;
use super::walk::{Entry, Walk, in_order};
use crate::error::corrupt;
use crate::keys::{Table, live, record, status, task_id};

impl View<'_> {
    /// A page of tasks.
    pub(crate) fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        let few = if query.prefix.is_empty() { None } else { self.beginning_so(query)? };
        match few {
            Some(entries) => self
                .page(query, entries.into_iter().map(|(position, day)| Ok((position, Some(day))))),
            None => self.page(query, Walk::new(self, query)?),
        }
    }

    /// Examines entries, a bounded number of them.
    fn page(
        &self,
        query: &TaskQuery,
        entries: impl Iterator<Item = Entry>,
    ) -> Result<TaskPage, StoreError> {
        let mut entries = entries.peekable();
        let mut page = TaskPage::default();
        let mut last = None;
        let mut examined = 0;
        while page.tasks.len() < query.limit && examined < LIST_EXAMINED_MAX {
            let Some(entry) = entries.next() else { return Ok(page) };
            let (position, day) = entry?;
            (last, examined) = (Some(position), examined + 1);
            let head = match day {
                Some(day) => self.task(position.1, day)?,
                None => self.live(position.1)?.filter(status::is_due_since_acceptance),
            };
            if let Some(head) = head
                && query.may_match(&head)
            {
                page.tasks.push(self.with_bytes(query, head)?);
            }
        }
        page.next = if entries.peek().is_some() { last } else { None };
        Ok(page)
    }

    /// The row of a task whose bucket is known.
    fn task(&self, key: InvKey, day: Day) -> Result<Option<Head>, StoreError> {
        if let Some(head) = self.live(key)? {
            return Ok(Some(head));
        }
        let value = self.get(Table::Records(day), record::encode_key(key))?;
        value.map(|value| record::decode_value(key, &value)).transpose()
    }

    fn with_bytes(&self, query: &TaskQuery, head: Head) -> Result<TaskView, StoreError> {
        if !query.with_payload {
            return Ok(TaskView { head, payload: None, result: None });
        }
        let bytes = self.bytes(BytesWanted::from(&head))?;
        Ok(TaskView { head, payload: bytes.payload, result: bytes.result })
    }

    /// The tasks whose ids begin as asked, in order, if they are few.
    fn beginning_so(&self, query: &TaskQuery) -> Result<Option<Vec<(Position, Day)>>, StoreError> {
        let prefix = task_id::encode_prefix(query.fn_id, &query.prefix);
        let mut found = Vec::new();
        for day in self.tables.days() {
            let room = LIST_EXAMINED_MAX + 1 - found.len();
            for row in self.beginning_with(Table::Records(day), &prefix).take(room) {
                let (key, value) = row?;
                found.push((task_id::decode_position(&key, &value).map_err(broken)?, day));
            }
        }
        if !self.whose_keys_begin_so(query, &mut found)? || found.len() > LIST_EXAMINED_MAX {
            return Ok(None);
        }
        found.retain(|(position, _)| {
            query.after.is_none_or(|after| is_behind(query.order, *position, after))
        });
        found.sort_unstable_by(|first, second| in_order(query.order, first.0, second.0));
        // A bucket of format 1 has the ids of all its tasks.
        found.dedup();
        Ok(Some(found))
    }

    /// Those whose ids are their keys. `false` if there are too many rows to look at.
    fn whose_keys_begin_so(
        &self,
        query: &TaskQuery,
        found: &mut Vec<(Position, Day)>,
    ) -> Result<bool, StoreError> {
        let Some((first, last)) = task_id::keys_beginning(&query.prefix) else { return Ok(true) };
        let mut take = |head: &Head| {
            if head.fn_id == query.fn_id && head.task.is_some() {
                found.push(((head.accepted_at, head.key), head.bucket()));
            }
        };
        let mut room = LIST_EXAMINED_MAX + 1;
        let range = |first: &[u8], last: &[u8]| {
            (Bound::Included(first.to_vec()), Bound::Included(last.to_vec()))
        };
        let (from, to) = (live::encode_key(first), live::encode_key(last));
        for row in self.range(Table::Live, range(&from, &to)).take(room) {
            let (key, value) = row?;
            room -= 1;
            let Ok(key) = key.as_ref().try_into() else { continue };
            take(&live::decode_value(InvKey(key), &value)?);
        }
        let (from, to) = (record::encode_key(first), record::encode_key(last));
        for day in self.tables.days() {
            for row in self.range(Table::Records(day), range(&from, &to)).take(room) {
                let (key, value) = row?;
                room -= 1;
                let Some((_, key)) = key.split_last_chunk() else { continue };
                take(&record::decode_value(InvKey(*key), &value)?);
            }
        }
        Ok(room > 0)
    }
}

fn is_behind(order: Order, position: Position, after: Position) -> bool {
    in_order(order, position, after) == Ordering::Greater
}

pub(super) fn broken(source: DecodeError) -> StoreError {
    corrupt("an entry of the index of tasks".to_owned(), source)
}

//! All tasks of a function, in the order of their acceptance.
//!
//! ```text
//! indexes by status   a  b  c | d  e  f |            spans of the entries of all buckets
//! due work         -  -  -   g|   -     | h  -  i    read as far as the span goes
//! ```
//!
//! What has left the order of due work (`-`) stays in the way of whoever walks over it until it is compacted,
//! so that behind a burst of tasks its next entry may be a hundred thousand rows away. It is read no further than
//! the entries go that are known already: a page costs what is on it.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::Bound;

use invoked_core::head::{LaneId, Status};
use invoked_core::id::{InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::time::{Day, Timestamp};
use invoked_store::{Order, StoreError, TaskQuery};

use super::View;
use super::tasks::broken;
use crate::keys::{KeyRange, Table, after, due, status, time};

/// A task in an index, and the bucket of its record; without one, a row that is due.
pub(super) type Entry = Result<(Position, Option<Day>), StoreError>;

/// The entries of one index that are left.
type Entries = Peekable<Box<dyn Iterator<Item = Entry>>>;

/// A walk over all entries of the indexes that fit.
pub(super) struct Walk<'a> {
    view: &'a View<'a>,
    order: Order,
    /// Of every bucket and status.
    listed: Merge,
    /// Where the lanes stand in the order of due work, as prefixes.
    due: Vec<Vec<u8>>,
    /// Entries of the next span, at most.
    length: usize,
    /// What is left of the span.
    span: Merge,
    /// Where the next span begins; `None` once there is none.
    next: Option<Option<Position>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(view: &'a View<'a>, query: &TaskQuery) -> Result<Self, StoreError> {
        let statuses = query.status.map_or(Status::ALL.to_vec(), |status| vec![status]);
        let order = query.order;
        let mut listed = Merge { order, indexes: Vec::new() };
        for day in view.tables.days() {
            for status in &statuses {
                let prefix = status::encode_prefix(query.fn_id, *status);
                let span = Span { order, from: query.after, to: None };
                listed.indexes.push(entries(view, Table::Records(day), &prefix, span));
            }
        }
        let mut due = Vec::new();
        if statuses.iter().any(|status| status::may_be_due_since_acceptance(*status)) {
            for shard in (0..view.shards()?).map(ShardId) {
                let lanes = query.lanes.iter().copied().map(LaneId::Function);
                due.extend(lanes.map(|lane| due::encode_prefix(shard, lane)));
            }
        }
        // A page and the entry that says whether there is another one.
        let length = query.limit.saturating_add(1).min(LIST_EXAMINED_MAX);
        let span = Merge { order, indexes: Vec::new() };
        Ok(Self { view, order, listed, due, length, span, next: Some(query.after) })
    }

    /// Goes on to the span behind `from`.
    fn advance(&mut self, from: Option<Position>) {
        let listed: Vec<Entry> = self.listed.by_ref().take(self.length).collect();
        let is_last = listed.len() < self.length;
        let last = listed.iter().rev().find_map(|entry| entry.as_ref().ok());
        let to = last.filter(|_| !is_last).map(|(position, _)| *position);
        let span = Span { order: self.order, from, to };
        let due = self.due.iter().map(|prefix| entries(self.view, Table::Due, prefix, span));
        let mut indexes: Vec<Entries> = due.collect();
        let listed: Box<dyn Iterator<Item = Entry>> = Box::new(listed.into_iter());
        indexes.push(listed.peekable());
        self.span.indexes = indexes;
        self.next = to.map(Some);
        // A query that fits little has to look at much.
        self.length = self.length.saturating_mul(2).min(LIST_EXAMINED_MAX);
    }
}

impl Iterator for Walk<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.span.next() {
                return Some(entry);
            }
            let from = self.next?;
            self.advance(from);
        }
    }
}

/// The entries of an index within a span.
fn entries(view: &View<'_>, table: Table, prefix: &[u8], span: Span) -> Entries {
    let rows = view.range(table, span.range(prefix));
    let prefix = prefix.to_vec();
    let day = table.day_of_records();
    let entries = rows.map(move |row| {
        let (key, _) = row?;
        Ok((status::decode_position(&prefix, &key).map_err(broken)?, day))
    });
    let entries: Box<dyn Iterator<Item = Entry>> = match span.order {
        Order::Ascending => Box::new(entries),
        Order::Descending => Box::new(entries.rev()),
    };
    entries.peekable()
}

/// Several indexes as one.
struct Merge {
    order: Order,
    indexes: Vec<Entries>,
}

impl Iterator for Merge {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let mut first: Option<(usize, Option<Position>)> = None;
        for (index, entries) in self.indexes.iter_mut().enumerate() {
            // What does not read comes first, so that it is not passed over.
            let Some(entry) = entries.peek() else { continue };
            let position = entry.as_ref().ok().map(|(position, _)| *position);
            let is_first = match (&first, position) {
                (None, _) | (Some(_), None) => true,
                (Some((_, None)), Some(_)) => false,
                (Some((_, Some(best))), Some(position)) => {
                    in_order(self.order, position, *best) == Ordering::Less
                }
            };
            if is_first {
                first = Some((index, position));
            }
        }
        self.indexes.get_mut(first?.0)?.next()
    }
}

pub(super) fn in_order(order: Order, first: Position, second: Position) -> Ordering {
    match order {
        Order::Ascending => first.cmp(&second),
        Order::Descending => second.cmp(&first),
    }
}

/// A part of an index.
#[derive(Copy, Clone, Debug)]
struct Span {
    order: Order,
    /// Behind this one, in that order.
    from: Option<Position>,
    /// Up to this one, which belongs to it.
    to: Option<Position>,
}

impl Span {
    fn range(self, prefix: &[u8]) -> KeyRange {
        let at = |(at, key): (Timestamp, InvKey)| [prefix, &time(at), &key.0].concat();
        let from = self.from.map(|position| Bound::Excluded(at(position)));
        let to = self.to.map(|position| Bound::Included(at(position)));
        let (least, most) = match self.order {
            Order::Ascending => (from, to),
            Order::Descending => (to, from),
        };
        let start = least.unwrap_or_else(|| Bound::Included(prefix.to_vec()));
        let end = most.unwrap_or_else(|| Bound::Excluded(after(prefix)));
        (start, end)
    }
}

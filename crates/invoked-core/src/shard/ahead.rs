//! Reading ahead: the payloads of due rows that came in by a window are read together, before their
//! slots are free. Where a backlog is worked off, that is one read for hundreds of invocations.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::ShardCore;
use super::message::{BytesWanted, Effect, LoadedBytes};
use crate::head::LaneId;
use crate::id::InvKey;
use crate::time::Timestamp;

impl ShardCore {
    /// Has payloads of due rows read, unless half of the cache is full: the rest is left to rows that
    /// bring theirs.
    pub(super) fn read_ahead(&mut self, keys: &BTreeSet<InvKey>, now: Timestamp) {
        if self.cached_bytes >= self.config.payload_cache_bytes / 2 {
            return;
        }
        let mut wanted = Vec::new();
        for key in keys {
            let Some(row) = self.rows.get_mut(key) else { continue };
            if row.waits_for_payload() && row.slot.due <= now {
                row.is_read_ahead = true;
                wanted.push(BytesWanted::from(&row.head));
            }
        }
        if !wanted.is_empty() {
            self.effects.push(Effect::ReadBytesAhead { wanted });
        }
    }

    /// Takes in what was read: for a row that still waits if there is room, and for one whose turn has
    /// come meanwhile.
    pub(super) fn bytes_read_ahead(&mut self, loaded: Vec<LoadedBytes>, now: Timestamp) {
        for LoadedBytes { key, payload, .. } in loaded {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if !core::mem::take(&mut row.is_read_ahead) {
                continue;
            }
            let is_its_turn = matches!(row.held, Some(LaneId::Function(_)));
            let has_room = |payload: &bytes::Bytes| {
                self.cached_bytes + payload.len() <= self.config.payload_cache_bytes
            };
            match payload {
                Some(payload) if is_its_turn => {
                    row.payload = Some(payload);
                    self.start(key, false, now);
                }
                // If it is missing, the read that the attempt cannot do without says so.
                None if is_its_turn => self.want_bytes(key),
                Some(payload) if row.waits_for_payload() && has_room(&payload) => {
                    self.cached_bytes += payload.len();
                    row.payload = Some(payload);
                }
                Some(_) | None => {}
            }
        }
    }
}

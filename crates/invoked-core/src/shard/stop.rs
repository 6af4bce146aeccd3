//! Stopping: at once what waits, with a durable "stopping" first what is under way.

use super::ShardCore;
use super::commit::After;
use super::message::{Effect, ReplyId, StopRefused};
use super::row::Later;
use crate::id::InvKey;
use crate::life::{Event, Life};
use crate::time::Timestamp;

impl ShardCore {
    pub(super) fn stop(&mut self, key: InvKey, reply: ReplyId, now: Timestamp) {
        let Some(row) = self.rows.get(&key) else {
            if let Some(waiting) = self.fetching.get_mut(&key) {
                waiting.push(reply);
            } else {
                self.fetching.insert(key, alloc::vec![reply]);
                self.effects.push(Effect::LoadHead { key });
            }
            return;
        };
        let answer = if row.head.life.outcome().is_some() {
            Some(Err(StopRefused::Ended))
        } else if matches!(row.head.life, Life::Stopping { .. }) && !row.is_committing {
            Some(Ok(()))
        } else if row.is_committing {
            let deferred = self.defer(key, Later::Stop(reply));
            (!deferred).then_some(Err(StopRefused::Busy))
        } else {
            self.leave_lane(key, now);
            self.live(key, Event::StopRequested, now);
            self.after.push(After::ReplyStop { reply });
            None
        };
        if let Some(result) = answer {
            self.effects.push(Effect::ReplyStop { reply, result });
        }
    }
}

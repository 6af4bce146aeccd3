//! What comes before a commit.
//!
//! Everybody who is ready has a turn, so that what they bring goes into the commit: a commit costs nearly the same
//! whatever its size. And what was decided is done in an order that keeps the writer busy. Answers go out at once,
//! so that whoever waits for one can ask for more before the commit; calls are begun when the commit is on its way,
//! while there is nothing else to do.

use invoked_core::shard::Effect;

use super::ShardTask;
use crate::engine::Fatal;

/// How often everybody has a turn, as long as it brings something.
const ROUNDS_MAX: usize = 4;

impl ShardTask {
    /// Lets everybody else who is ready have a turn, and again for as long as that brings more for the commit. What
    /// is left in `effects` is to be done behind it, in its order.
    pub(super) async fn gather(&mut self, effects: &mut Vec<Effect>) -> Result<bool, Fatal> {
        let mut is_closing = false;
        for _ in 0..ROUNDS_MAX {
            let before = self.core.ops_waiting();
            for effect in effects.extract_if(.., |effect| !is_of_calls(effect)) {
                self.act(effect);
            }
            self.read_more();
            tokio::task::yield_now().await;
            is_closing |= self.take_more()?;
            self.core.flush(self.shared.clock.now(), effects);
            if self.core.ops_waiting() == before {
                break;
            }
        }
        Ok(is_closing)
    }
}

/// A call, or what may be about one: these keep their order.
const fn is_of_calls(effect: &Effect) -> bool {
    matches!(effect, Effect::Dispatch(_) | Effect::Call(_) | Effect::CancelAttempt { .. })
}

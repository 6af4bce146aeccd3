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

/// What the core has decided and what is not done yet.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) effects: Vec<Effect>,
    /// Calls, and what may be about one of them, in their order. They come before the rest.
    calls: Vec<Effect>,
}

impl Decided {
    pub(super) const fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.calls.is_empty()
    }

    /// Everything, in an order in which it may be done.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Effect> {
        self.calls.drain(..).chain(self.effects.drain(..))
    }
}

impl ShardTask {
    /// Lets everybody else who is ready have a turn, and again for as long as that brings more for the commit.
    pub(super) async fn gather(&mut self, decided: &mut Decided) -> Result<bool, Fatal> {
        let mut is_closing = false;
        for _ in 0..ROUNDS_MAX {
            let before = self.core.ops_waiting();
            for effect in decided.effects.drain(..) {
                if is_of_calls(&effect) {
                    decided.calls.push(effect);
                } else {
                    self.act(effect);
                }
            }
            tokio::task::yield_now().await;
            is_closing |= self.take_more()?;
            self.core.flush(self.shared.clock.now(), &mut decided.effects);
            if self.core.ops_waiting() == before {
                break;
            }
        }
        Ok(is_closing)
    }
}

const fn is_of_calls(effect: &Effect) -> bool {
    matches!(effect, Effect::Dispatch(_) | Effect::Call(_) | Effect::CancelAttempt { .. })
}

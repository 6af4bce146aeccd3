//! Lanes that operators hold: functions that start nothing, destinations that are told nothing.
//!
//! A pause is a row of the registry, so it outlives a restart. What is under way goes on to its end;
//! what waits for a function still expires by its time-to-live; the time for the tries of a callback
//! stands still.

use std::collections::BTreeMap;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::head::Head;
use invoked_core::id::FnId;
use invoked_core::limits::DESCRIPTION_MAX;
use invoked_core::name::{FunctionKey, FunctionName};
use invoked_core::pause::Pauses;
use invoked_core::time::Timestamp;
use invoked_store::{RegistryEntry, RegistryKind};
use serde::{Deserialize, Serialize};

use crate::error::LaneError;
use crate::handle::Handle;

const VERSION: u32 = 1;

/// A lane, as an operator names it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LaneKey {
    /// The attempts of a function.
    Function(FunctionKey),
    /// The callbacks to the destination with this ARN.
    Destination(String),
}

/// What an operator last did with a lane.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LaneHold {
    /// When it is and was held.
    pub pauses: Pauses,
    /// Who paused or resumed it last.
    pub by: String,
    /// What they said; may be empty.
    pub note: String,
}

/// The lanes that are or were held.
pub(crate) type Holds = BTreeMap<LaneKey, LaneHold>;

#[derive(Serialize, Deserialize)]
struct Row {
    version: u32,
    since: Option<i64>,
    past: Vec<(i64, i64)>,
    by: String,
    note: String,
}

impl LaneKey {
    /// The name of its entry in the registry.
    pub(crate) fn entry(&self) -> String {
        match self {
            Self::Function(key) => format!("function/{}/{}", key.account, key.name),
            Self::Destination(arn) => format!("destination/{arn}"),
        }
    }

    /// The lane of an entry.
    pub(crate) fn read_entry(entry: &str) -> Option<Self> {
        if let Some(arn) = entry.strip_prefix("destination/") {
            return Some(Self::Destination(arn.to_owned()));
        }
        let (account, name) = entry.strip_prefix("function/")?.split_once('/')?;
        Some(Self::Function(FunctionKey::new(account, FunctionName::parse(name).ok()?)))
    }

    fn shown(&self) -> String {
        match self {
            Self::Function(key) => format!("function {}", key.name),
            Self::Destination(arn) => arn.clone(),
        }
    }
}

impl LaneHold {
    pub(crate) fn encode(&self) -> Bytes {
        let past = self.pauses.past().iter();
        let row = Row {
            version: VERSION,
            since: self.pauses.since().map(Timestamp::millis),
            past: past.map(|(from, to)| (from.millis(), to.millis())).collect(),
            by: self.by.clone(),
            note: self.note.clone(),
        };
        Bytes::from(serde_json::to_vec(&row).unwrap_or_default())
    }

    /// `None` if the value is not one that this program knows.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let row: Row = serde_json::from_slice(value).ok()?;
        let at = Timestamp::from_millis;
        let past = row.past.into_iter().map(|(from, to)| (at(from), at(to))).collect();
        let pauses = Pauses::from_parts(row.since.map(at), past);
        Some(Self { pauses, by: row.by, note: row.note })
    }
}

impl Handle {
    /// Holds a lane: nothing of it starts until it is resumed. It is durable when this returns. One
    /// that is held already stays as it is.
    ///
    /// # Errors
    /// There is no such function or destination, the note is too long, or the store did not take it.
    pub async fn pause(&self, lane: LaneKey, by: &str, note: &str) -> Result<LaneHold, LaneError> {
        self.hold(lane, by, note, true).await
    }

    /// Lets a lane go on. It is durable when this returns. One that is not held stays as it is.
    ///
    /// # Errors
    /// As for [`Handle::pause`].
    pub async fn resume(&self, lane: LaneKey, by: &str, note: &str) -> Result<LaneHold, LaneError> {
        self.hold(lane, by, note, false).await
    }

    /// What an operator last did with a lane; nothing if nobody ever did.
    #[must_use]
    pub fn lane_hold(&self, lane: &LaneKey) -> Option<LaneHold> {
        self.shared.snapshot().functions.holds.get(lane).cloned()
    }

    /// When the last try of the callback that a row owes may start; `None` while none was made, none
    /// is owed, or its destination is held.
    #[must_use]
    pub fn callback_deadline(&self, head: &Head) -> Option<Timestamp> {
        let directory = self.directory();
        head.callback.deadline(&self.shared.config().callback, directory.pauses_for(head))
    }

    /// The number of a destination that some configuration names or named.
    pub(crate) fn destination_id(&self, arn: &str) -> Result<FnId, LaneError> {
        Arn::parse(arn).map_err(|error| LaneError::BadArn { problem: error.to_string() })?;
        let found = self.shared.snapshot().functions.destinations.get(arn).copied();
        found.ok_or_else(|| LaneError::NoDestination { destination: arn.to_owned() })
    }

    async fn hold(
        &self,
        lane: LaneKey,
        by: &str,
        note: &str,
        is_pause: bool,
    ) -> Result<LaneHold, LaneError> {
        if note.len() > DESCRIPTION_MAX {
            return Err(LaneError::Note { max: DESCRIPTION_MAX });
        }
        let (this, by, note) = (self.clone(), by.to_owned(), note.to_owned());
        let change = async move {
            let _changing = this.shared.changes.lock().await;
            match &lane {
                LaneKey::Function(key) => {
                    let missing = |_| LaneError::NoFunction { function: key.name.clone() };
                    this.function(key).map_err(missing)?;
                }
                LaneKey::Destination(arn) => drop(this.destination_id(arn)?),
            }
            let mut registered = this.shared.snapshot().functions.clone();
            let mut hold = registered.holds.get(&lane).cloned().unwrap_or_default();
            let now = this.now();
            let moved = if is_pause { hold.pauses.begin(now) } else { hold.pauses.end(now) };
            if !moved {
                return Ok(hold);
            }
            hold = LaneHold { by, note, ..hold };
            let entry = RegistryEntry {
                kind: RegistryKind::LaneState,
                name: lane.entry(),
                value: Some(hold.encode()),
            };
            this.shared.store.put_registry(&[entry]).await?;
            let (shown, by, note) = (lane.shown(), &hold.by, &hold.note);
            if is_pause {
                tracing::info!(event = "lane_paused", lane = shown, by, note, "a lane is paused");
            } else {
                tracing::info!(event = "lane_resumed", lane = shown, by, note, "a lane is resumed");
            }
            registered.holds.insert(lane, hold.clone());
            this.shared.publish(&registered).await;
            Ok(hold)
        };
        self.shared.to_the_end(change).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_reads_back_as_it_was() {
        let at = Timestamp::from_millis;
        for since in [None, Some(at(9))] {
            let pauses = Pauses::from_parts(since, vec![(at(1), at(2)), (at(4), at(7))]);
            let hold = LaneHold { pauses, by: "alice".into(), note: "a \"deploy\"".into() };
            assert_eq!(LaneHold::decode(&hold.encode()), Some(hold));
        }
        assert_eq!(LaneHold::decode(b"{}"), None);
    }

    #[test]
    fn a_lane_reads_back_from_its_entry() {
        let key = FunctionKey::new("1", FunctionName::parse("svc$f").unwrap());
        let arn = "acs:mns:::/queues/q/messages".to_owned();
        for lane in [LaneKey::Function(key), LaneKey::Destination(arn)] {
            assert_eq!(LaneKey::read_entry(&lane.entry()), Some(lane));
        }
        assert_eq!(LaneKey::read_entry("lane"), None);
        assert_eq!(LaneKey::read_entry("function/1/9f"), None);
    }
}

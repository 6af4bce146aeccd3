//! What a payload tells the function to do.

use std::time::Duration;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Succeed,
    Fail,
    Status(u16),
    Slow(Duration),
    Hold,
    Drop,
}

impl Step {
    /// The step for the call number `seen` (from 0) of one request id.
    #[must_use]
    pub fn of(payload: &[u8], seen: usize) -> Self {
        let Ok(payload) = serde_json::from_slice::<Value>(payload) else { return Self::Succeed };
        let Some(plan) = payload["plan"].as_array().filter(|plan| !plan.is_empty()) else {
            return Self::Succeed;
        };
        let step = plan.get(seen).or(plan.last()).and_then(Value::as_str).unwrap_or_default();
        Self::parse(step).unwrap_or_else(|| panic!("no such step: {step:?}"))
    }

    fn parse(step: &str) -> Option<Self> {
        let (verb, number) = step.split_once(':').unwrap_or((step, ""));
        Some(match verb {
            "ok" => Self::Succeed,
            "fail" => Self::Fail,
            "status" => Self::Status(number.parse().ok()?),
            "slow" => Self::Slow(Duration::from_millis(number.parse().ok()?)),
            "hold" => Self::Hold,
            "drop" => Self::Drop,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Step;

    #[test]
    fn each_call_takes_the_next_step_and_the_last_one_repeats() {
        let payload = br#"{"plan": ["fail", "status:503", "slow:20"], "key": 7}"#;
        let steps: Vec<_> = (0..4).map(|seen| Step::of(payload, seen)).collect();
        let slow = Step::Slow(Duration::from_millis(20));
        assert_eq!(steps, [Step::Fail, Step::Status(503), slow.clone(), slow]);
    }

    #[test]
    fn a_payload_without_a_plan_succeeds() {
        for payload in [&b"not json"[..], b"{}", br#"{"plan": []}"#, b"7"] {
            assert_eq!(Step::of(payload, 0), Step::Succeed);
        }
    }
}

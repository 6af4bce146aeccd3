//! Where a topic's queues are, as a name server says it. Pure.
//!
//! Name servers before 4.9.4 write fastjson's own dialect, whose numeric keys stand bare:
//! `{"brokerAddrs":{0:"10.0.0.1:10911"}}`. Lists of the cluster's brokers are written so by all.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::address::Address;

/// Queues of a topic that are looked at. Ours: a topic has a few for each broker.
const QUEUES_MAX: usize = 4_096;

/// Brokers of a topic that are looked at. Ours.
const BROKERS_MAX: usize = 1_024;

/// `PermName.PERM_WRITE`.
const MAY_WRITE: u32 = 2;

/// `MixAll.MASTER_ID`.
const MASTER: &str = "0";

/// A broker that takes messages of a topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Broker {
    pub(crate) name: Box<str>,
    pub(crate) address: Address,
}

/// The queues of a topic that may be written: on masters, with the permission.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    brokers: Vec<Broker>,
    /// Index of the broker, number of the queue there.
    queues: Vec<(usize, u32)>,
}

#[derive(Deserialize)]
struct TopicRouteData {
    #[serde(default, rename = "brokerDatas")]
    brokers: Option<Vec<BrokerData>>,
    #[serde(default, rename = "queueDatas")]
    queues: Option<Vec<QueueData>>,
}

#[derive(Deserialize)]
struct BrokerData {
    #[serde(rename = "brokerName")]
    name: Box<str>,
    #[serde(default, rename = "brokerAddrs")]
    addresses: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct QueueData {
    #[serde(rename = "brokerName")]
    broker: Box<str>,
    perm: u32,
    #[serde(rename = "writeQueueNums")]
    write_queues: u32,
}

#[derive(Deserialize)]
struct ClusterInfo {
    #[serde(default, rename = "brokerAddrTable")]
    brokers: Option<BTreeMap<String, IgnoredAny>>,
}

impl Route {
    /// Reads the answer to a route query. A route may be without queues.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        let data: TopicRouteData = lenient(json)?;
        let mut route = Self { brokers: Vec::new(), queues: Vec::new() };
        for broker in data.brokers.unwrap_or_default().into_iter().take(BROKERS_MAX) {
            let master = broker.addresses.get(MASTER).and_then(|text| Address::parse(text));
            if let Some(address) = master {
                route.brokers.push(Broker { name: broker.name, address });
            }
        }
        for queues in data.queues.unwrap_or_default() {
            let broker = route.brokers.iter().position(|broker| broker.name == queues.broker);
            if let Some(broker) = broker.filter(|_| queues.perm & MAY_WRITE != 0) {
                let room = QUEUES_MAX.saturating_sub(route.queues.len());
                let numbers = (0..queues.write_queues).take(room);
                route.queues.extend(numbers.map(|number| (broker, number)));
            }
        }
        Ok(route)
    }

    /// The queue whose turn it is among those on brokers that `may` be used.
    pub(crate) fn pick(
        &self,
        turn: usize,
        may: impl Fn(&Broker) -> bool,
    ) -> Option<(&Broker, u32)> {
        let start = turn.checked_rem(self.queues.len())?;
        let (before, from) = self.queues.split_at(start);
        let mut in_turn = from.iter().chain(before).filter_map(|(broker, number)| {
            self.brokers.get(*broker).map(|broker| (broker, *number))
        });
        in_turn.find(|(broker, _)| may(broker))
    }
}

/// How many brokers a name server knows to be alive.
///
/// # Errors
/// The answer is no list of them.
pub(crate) fn brokers_alive(json: &[u8]) -> Result<usize, serde_json::Error> {
    let info: ClusterInfo = lenient(json)?;
    Ok(info.brokers.unwrap_or_default().len())
}

fn lenient<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json).or_else(|_| serde_json::from_slice(&with_quoted_keys(json)))
}

/// Quotes numbers that stand where a key does. Texts are left alone.
fn with_quoted_keys(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + 64);
    let mut in_text = false;
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        out.push(byte);
        rest = after;
        match byte {
            b'\\' if in_text => {
                if let Some((&escaped, after)) = rest.split_first() {
                    out.push(escaped);
                    rest = after;
                }
            }
            b'"' => in_text = !in_text,
            b'{' | b',' if !in_text => {
                if let Some((number, after)) = bare_key(rest) {
                    out.push(b'"');
                    out.extend_from_slice(number);
                    out.push(b'"');
                    rest = after;
                }
            }
            _ => {}
        }
    }
    out
}

/// The number before a colon that `rest` begins with, and what follows the number.
fn bare_key(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at_checked(digits)?;
    let is_key = !number.is_empty() && after.trim_ascii_start().first() == Some(&b':');
    is_key.then_some((number, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &str = r#"{"brokerDatas":[
        {"brokerAddrs":{"0":"10.0.0.1:10911","1":"10.0.0.2:10911"},"brokerName":"a","cluster":"C","enableActingMaster":false},
        {"brokerAddrs":{"0":"10.0.1.1:10911"},"brokerName":"b","cluster":"C"},
        {"brokerAddrs":{"1":"10.0.2.1:10911"},"brokerName":"no-master","cluster":"C"}],
        "filterServerTable":{},
        "queueDatas":[
        {"brokerName":"a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":2},
        {"brokerName":"b","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":1},
        {"brokerName":"a","perm":4,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":8},
        {"brokerName":"no-master","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":8}]}"#;

    fn picks(route: &Route, may: impl Fn(&Broker) -> bool + Copy) -> Vec<String> {
        let pick = |turn| route.pick(turn, may);
        let shown =
            (0..4).filter_map(pick).map(|(broker, queue)| format!("{}{queue}", broker.name));
        shown.collect()
    }

    #[test]
    fn queues_of_masters_that_may_be_written_take_turns() {
        let route = Route::read(ROUTE.as_bytes()).unwrap();
        assert_eq!(picks(&route, |_| true), ["a0", "a1", "b0", "a0"]);
        assert_eq!(picks(&route, |broker| &*broker.name != "a"), ["b0", "b0", "b0", "b0"]);
        assert!(picks(&route, |_| false).is_empty());
        assert_eq!(route.pick(0, |_| true).unwrap().0.address.to_string(), "10.0.0.1:10911");
    }

    #[test]
    fn the_dialect_of_old_name_servers_is_read_too() {
        let bare = ROUTE.replace("\"0\":", "0:").replace("\"1\":", " 1 :");
        assert_ne!(bare, ROUTE);
        assert_eq!(Route::read(bare.as_bytes()).unwrap(), Route::read(ROUTE.as_bytes()).unwrap());
    }

    #[test]
    fn only_keys_are_quoted() {
        for (json, quoted) in [
            (r#"{0:"a",12 : [1,2,3]}"#, r#"{"0":"a","12" : [1,2,3]}"#),
            (r#"{"k":"{0:x,1:\",2:y"}"#, r#"{"k":"{0:x,1:\",2:y"}"#),
            (r#"{"k":[{3:{4:5}}]}"#, r#"{"k":[{"3":{"4":5}}]}"#),
            ("{", "{"),
            ("\"\\", "\"\\"),
            ("{1", "{1"),
        ] {
            let found = with_quoted_keys(json.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), quoted);
        }
    }

    #[test]
    fn what_is_no_route_is_an_error_and_an_empty_one_has_no_queue() {
        assert!(Route::read(b"<html>").is_err());
        for empty in [r#"{}"#, r#"{"brokerDatas":null,"queueDatas":null}"#] {
            assert_eq!(Route::read(empty.as_bytes()).unwrap().pick(3, |_| true), None);
        }
        let many = ROUTE.replace("\"writeQueueNums\":2", "\"writeQueueNums\":4000000000");
        assert_eq!(Route::read(many.as_bytes()).unwrap().queues.len(), QUEUES_MAX);
    }

    #[test]
    fn brokers_that_are_alive_are_counted() {
        let one = r#"{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"127.0.0.1:10911"},"brokerName":"broker-a","cluster":"C"}},"clusterAddrTable":{"C":["broker-a"]}}"#;
        assert_eq!(brokers_alive(one.as_bytes()).unwrap(), 1);
        assert_eq!(brokers_alive(b"{\"clusterAddrTable\":{}}").unwrap(), 0);
        assert!(brokers_alive(b"[").is_err());
    }
}

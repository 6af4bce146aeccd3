//! Wrong tokens, by who presented them: they cannot be guessed, and whoever tries keeps only himself out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use invoked_engine::clock::stopwatch;
use tokio::time::Instant;

/// Wrong tokens in a row that are looked at; then one for each [`PATIENCE`].
pub(super) const WRONG_MAX: u32 = 10;
pub(super) const PATIENCE: Duration = Duration::from_secs(6);
/// Peers that are known at a time. At the limit the one that began longest ago is forgotten.
pub(super) const PEERS_MAX: usize = 1_024;

/// Wrong tokens of each peer.
#[derive(Debug, Default)]
pub(super) struct Guesses(BTreeMap<Option<IpAddr>, Wrong>);

#[derive(Debug)]
struct Wrong {
    count: u32,
    since: Instant,
}

impl Wrong {
    /// Those that are not forgiven yet.
    fn left(&self) -> u32 {
        let forgiven = self.since.elapsed().as_secs() / PATIENCE.as_secs();
        self.count.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

impl Guesses {
    /// Whether this peer has presented too many.
    pub(super) fn is_too_many(&self, peer: Option<IpAddr>) -> bool {
        self.0.get(&peer).is_some_and(|wrong| WRONG_MAX <= wrong.left())
    }

    /// This peer has presented one more.
    pub(super) fn count(&mut self, peer: Option<IpAddr>) {
        self.0.retain(|_, wrong| 0 < wrong.left());
        if PEERS_MAX <= self.0.len() && !self.0.contains_key(&peer) {
            let oldest = self.0.iter().min_by_key(|(_, wrong)| wrong.since).map(|(peer, _)| *peer);
            oldest.map(|oldest| self.0.remove(&oldest));
        }
        let wrong = self.0.entry(peer).or_insert_with(|| Wrong { count: 0, since: stopwatch() });
        wrong.count = wrong.count.saturating_add(1);
    }

    #[cfg(test)]
    pub(super) fn peers(&self) -> usize {
        self.0.len()
    }
}

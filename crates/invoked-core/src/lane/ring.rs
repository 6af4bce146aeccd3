//! Whose turn it is: first among the tenants, then among the lanes of the one whose turn it is.
//!
//! So a tenant with a thousand lanes and one with a single lane have the same share, unless their weights
//! differ; and a tenant who has most of the shared slots waits until others have had theirs.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use super::shared::Shared;
use crate::head::LaneId;

/// Whose lanes share a turn: an account, as a hash of its name.
#[derive(Copy, Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Tenant(pub u64);

impl Tenant {
    /// The tenant of an account.
    #[must_use]
    pub fn of(account: &str) -> Self {
        // FNV-1a. Two that meet share a turn, nothing worse.
        let hash = account.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Self(hash)
    }
}

/// The tenants and their lanes that may go.
#[derive(Debug, Default)]
pub(super) struct Ring {
    order: VecDeque<Tenant>,
    tenants: BTreeMap<Tenant, Member>,
    /// Tenants with lanes that would go, but with enough of the shared slots; the fewest first, and of
    /// these the ones that wait longest.
    crowded: BTreeSet<(u32, u64, Tenant)>,
    /// Counts the tenants that were turned away.
    turned_away: u64,
}

#[derive(Debug, Default)]
struct Member {
    ready: VecDeque<LaneId>,
    busy: u32,
    deficit: u32,
    place: Place,
}

#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
enum Place {
    #[default]
    Out,
    InOrder,
    Crowded(u32, u64),
}

impl Ring {
    /// There is such a tenant.
    pub(super) fn know(&mut self, tenant: Tenant) {
        self.tenants.entry(tenant).or_default();
    }

    /// A lane of the tenant may go.
    pub(super) fn admit(&mut self, tenant: Tenant, lane: LaneId) {
        let member = self.tenants.entry(tenant).or_default();
        member.ready.push_back(lane);
        if member.place == Place::Out {
            member.place = Place::InOrder;
            self.order.push_back(tenant);
        }
    }

    /// The lane whose turn it is. Tenants who have enough of the shared slots are passed over.
    pub(super) fn front(&mut self, shared: Option<Shared>) -> Option<(Tenant, LaneId)> {
        while let Some(&tenant) = self.order.front() {
            let is_alone = self.tenants.len() == 1;
            let Some(member) = self.tenants.get_mut(&tenant) else {
                self.order.pop_front();
                continue;
            };
            let lane = member.ready.front().copied();
            let busy = member.busy;
            let has_room = is_alone || shared.is_none_or(|shared| shared.has_room_for(busy));
            match lane {
                Some(lane) if has_room => return Some((tenant, lane)),
                Some(_) => {
                    self.turned_away += 1;
                    member.place = Place::Crowded(busy, self.turned_away);
                    self.crowded.insert((busy, self.turned_away, tenant));
                }
                None => member.place = Place::Out,
            }
            member.deficit = 0;
            self.order.pop_front();
        }
        None
    }

    /// The lane in front cannot go after all.
    pub(super) fn dismiss(&mut self, tenant: Tenant) {
        if let Some(member) = self.tenants.get_mut(&tenant) {
            member.ready.pop_front();
        }
    }

    /// A row of the lane in front goes. `is_over` says that the lane's turn is.
    pub(super) fn pass(&mut self, tenant: Tenant, weight: u32, is_over: bool) {
        let Some(member) = self.tenants.get_mut(&tenant) else { return };
        if is_over && !member.ready.is_empty() {
            member.ready.rotate_left(1);
        }
        if member.deficit == 0 {
            member.deficit = weight.max(1);
        }
        member.deficit -= 1;
        if member.deficit == 0 && !self.order.is_empty() {
            self.order.rotate_left(1);
        }
    }

    /// A row of the tenant is under way.
    pub(super) fn occupy(&mut self, tenant: Tenant) {
        if let Some(member) = self.tenants.get_mut(&tenant) {
            member.busy += 1;
        }
    }

    /// A row of the tenant is no longer under way.
    pub(super) fn release(&mut self, tenant: Tenant) {
        let Some(member) = self.tenants.get_mut(&tenant) else { return };
        member.busy = member.busy.saturating_sub(1);
        if let Place::Crowded(busy, since) = member.place {
            self.crowded.remove(&(busy, since, tenant));
            self.crowded.insert((member.busy, since, tenant));
            member.place = Place::Crowded(member.busy, since);
        }
    }

    /// Lets a tenant who was passed over back in, if there is room for him now.
    pub(super) fn wake(&mut self, shared: Option<Shared>) -> bool {
        let Some(&(busy, _, tenant)) = self.crowded.first() else { return false };
        let is_alone = self.tenants.len() == 1;
        if !is_alone && shared.is_some_and(|shared| !shared.has_room_for(busy)) {
            return false;
        }
        self.crowded.pop_first();
        if let Some(member) = self.tenants.get_mut(&tenant) {
            member.place = Place::InOrder;
            self.order.push_back(tenant);
        }
        true
    }

    /// Whether the tenant waits for slots that he has enough of.
    pub(super) fn is_crowded(&self, tenant: Tenant) -> bool {
        let member = self.tenants.get(&tenant);
        member.is_some_and(|member| matches!(member.place, Place::Crowded(..)))
    }

    /// Rows of the tenant under way, and the tenants there are.
    pub(super) fn share(&self, tenant: Tenant) -> (u32, usize) {
        (self.tenants.get(&tenant).map_or(0, |member| member.busy), self.tenants.len())
    }
}

//! What clients and operators do beside invoking.

use invoked_engine::{
    CallbackFilter, CallbackStatus, RedriveFilter, RedriveRequest, Redriven, TaskFilter, WorkKind,
};

use super::World;
use crate::{operator, plan};

impl World {
    pub(super) fn stop(&mut self) {
        let Some(handle) = self.handle() else { return };
        let id = format!("t{}", self.rng.below(12));
        self.clients.spawn(async move {
            // Whether there is such a task now is not the question.
            let _stopped = handle.stop_task(&plan::key("tasks"), &id).await;
        });
    }

    /// An operator sends a few callbacks anew that were given up, some of them twice.
    pub(super) fn redrive(&mut self) {
        let Some(handle) = self.handle() else { return };
        let pick = usize::try_from(self.rng.below(3)).expect("small");
        self.clients.spawn(async move {
            let filter = CallbackFilter {
                status: Some(CallbackStatus::Failed),
                limit: 3,
                ..CallbackFilter::default()
            };
            let Ok(page) = handle.callbacks(&filter).await else { return };
            for callback in page.callbacks.iter().skip(pick).chain(page.callbacks.first()) {
                // Whether it can be taken now is not the question.
                let _taken = handle.redrive(callback.id, "sim").await;
            }
        });
    }

    /// An operator sends all of them anew, page by page; sometimes somebody thinks better of it.
    pub(super) fn redrive_many(&mut self) {
        let Some(handle) = self.handle() else { return };
        let request = RedriveRequest {
            which: Redriven::Matching(RedriveFilter::default()),
            is_dry_run: self.rng.below(4) == 0,
            rate: 1 + u32::try_from(self.rng.below(50)).expect("small"),
            by: "sim".into(),
        };
        let is_cancelled = self.rng.below(5) == 0;
        self.clients.spawn(async move {
            if let Ok(operation) = handle.begin_redrive(request).await
                && is_cancelled
            {
                // It may have ended already.
                let _ended = handle.cancel_operation(operation.id).await;
            }
        });
    }

    /// An operator stops, purges or does again what fits, page by page.
    pub(super) fn work_on_a_lane(&mut self) {
        let Some(handle) = self.handle() else { return };
        let request = operator::work(&mut self.rng, self.deep);
        self.retries_begun += usize::from(request.kind == WorkKind::Retry);
        let is_cancelled = self.rng.below(6) == 0;
        self.clients.spawn(async move {
            if let Ok(operation) = handle.begin_work(request).await
                && is_cancelled
            {
                // It may have ended already.
                let _ended = handle.cancel_operation(operation.id).await;
            }
        });
    }

    /// An operator holds a lane, or lets it go.
    pub(super) fn hold_a_lane(&mut self) {
        let Some(handle) = self.handle() else { return };
        let lane = operator::lane(&mut self.rng);
        let is_pause = self.rng.below(2) == 0;
        self.clients.spawn(async move {
            // Whether the store can take it now is not the question.
            let _held = match is_pause {
                true => handle.pause(lane, "sim", "").await,
                false => handle.resume(lane, "sim", "").await,
            };
        });
    }

    pub(super) fn list(&mut self) {
        let Some(handle) = self.handle() else { return };
        let is_ascending = self.rng.below(2) == 0;
        let store = self.store.clone();
        let before = operator::tasks(&store.evidence());
        self.clients.spawn(async move {
            let mut filter = TaskFilter { is_ascending, limit: 3, ..TaskFilter::default() };
            let mut seen = Vec::new();
            loop {
                let Ok(page) = handle.tasks(&plan::key("tasks"), &filter).await else { return };
                seen.extend(page.tasks.iter().map(|task| (task.head.accepted_at, task.head.key)));
                filter.token = page.next;
                if filter.token.is_none() {
                    break;
                }
            }
            let is_in_order = match is_ascending {
                true => seen.is_sorted_by(|one, next| one < next),
                false => seen.is_sorted_by(|one, next| one > next),
            };
            assert!(is_in_order, "pages repeat or jump: {seen:?}");
            let after = operator::tasks(&store.evidence());
            let missing: Vec<_> =
                before.intersection(&after).filter(|task| !seen.contains(task)).collect();
            assert!(missing.is_empty(), "pages leave out {missing:?}: {seen:?}");
        });
    }
}

//! A queue of one thread with many waiting takers: cheaper than a channel behind a lock.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use tokio::sync::Notify;

pub struct LocalQueue<T> {
    items: RefCell<VecDeque<T>>,
    closed: Cell<bool>,
    arrived: Notify,
}

impl<T> Default for LocalQueue<T> {
    fn default() -> Self {
        Self { items: RefCell::default(), closed: Cell::new(false), arrived: Notify::new() }
    }
}

impl<T> LocalQueue<T> {
    pub fn push(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        self.arrived.notify_one();
    }

    /// Takers get what is still queued, then `None`.
    pub fn close(&self) {
        self.closed.set(true);
        self.arrived.notify_waiters();
    }

    pub async fn pop(&self) -> Option<T> {
        loop {
            let item = self.items.borrow_mut().pop_front();
            if item.is_some() || self.closed.get() {
                return item;
            }
            self.arrived.notified().await;
        }
    }
}

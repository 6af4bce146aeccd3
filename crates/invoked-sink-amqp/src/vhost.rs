//! One virtual host of a broker: its connection, opened at need, by one for all who wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::classify::{self, Failure, Stage};
use crate::config::Config;
use crate::kit::Kit;
use crate::link::Link;
use crate::request::Message;
use crate::tasks::Tasks;

/// How often a connection that is to be closed is looked at; whoever publishes ends within the
/// configured timeout.
const RETIRING_WAIT: Duration = Duration::from_millis(50);

/// What came of an opening, once it is over.
type Opened = Option<Result<Arc<Link>, Failure>>;

/// A virtual host.
#[derive(Debug)]
pub(crate) struct Vhost {
    config: Arc<Config>,
    name: Box<str>,
    tasks: Arc<Tasks>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed,
    Opening(watch::Receiver<Opened>),
    Open(Arc<Link>),
}

impl Vhost {
    pub(crate) fn new(config: Arc<Config>, name: &str, tasks: Arc<Tasks>) -> Self {
        Self { config, name: name.into(), tasks, state: Mutex::new(State::Closed) }
    }

    /// Publishes, within the configured timeout.
    pub(crate) async fn publish(self: &Arc<Self>, message: &Message) -> Result<(), Failure> {
        let (broker, limit) = (&self.config.address, self.config.timeout);
        let mut link = None;
        let publishing = async {
            loop {
                let link = link.insert(self.link().await?);
                if let Some(published) = link.publish(message).await {
                    return published;
                }
            }
        };
        match timeout(limit, publishing).await {
            Ok(published) => published,
            Err(_) => {
                let stage = if link.is_some() { Stage::Publishing } else { Stage::Opening };
                let is_blocked = link.is_some_and(|link| link.is_blocked());
                Err(classify::late(broker, stage, limit, is_blocked))
            }
        }
    }

    /// The connection; a new one where there is none, or none that is worth anything.
    async fn link(self: &Arc<Self>) -> Result<Arc<Link>, Failure> {
        let mut opening = match self.find() {
            Ok(link) => return Ok(link),
            Err(opening) => opening,
        };
        let opened = opening.wait_for(Option::is_some).await;
        match opened.ok().and_then(|opened| opened.clone()) {
            Some(opened) => opened,
            None => Err(Failure::retry("DestinationUnreachable", "the destination is closing")),
        }
    }

    fn find(self: &Arc<Self>) -> Result<Arc<Link>, watch::Receiver<Opened>> {
        let mut state = self.lock();
        match &*state {
            State::Open(link) if link.is_usable() => return Ok(Arc::clone(link)),
            // Whoever was opening it may have been ended.
            State::Opening(opening) if opening.has_changed().is_ok() => return Err(opening.clone()),
            State::Opening(_) | State::Open(_) | State::Closed => {}
        }
        let (opened, opening) = watch::channel(None);
        let before = std::mem::replace(&mut *state, State::Opening(opening.clone()));
        if let State::Open(link) = before {
            self.tasks.spawn_on(&Handle::current(), retire(link));
        }
        self.tasks.spawn_on(&Handle::current(), Arc::clone(self).open(opened));
        Err(opening)
    }

    async fn open(self: Arc<Self>, opened: watch::Sender<Opened>) {
        let kit = Kit::new(Arc::clone(&self.tasks));
        let found = Link::open(&self.config, &self.name, kit).await.map(Arc::new);
        *self.lock() = match &found {
            Ok(link) => {
                let watching = watch_idling(self.config.idle, Arc::downgrade(&self), link);
                self.tasks.spawn_on(&Handle::current(), watching);
                State::Open(Arc::clone(link))
            }
            Err(_) => State::Closed,
        };
        opened.send_replace(Some(found));
    }

    /// Whether there is no connection, nor one to come.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.lock(), State::Closed)
    }

    /// Ends the connection, and waits for its end.
    pub(crate) async fn close(&self) {
        let state = std::mem::replace(&mut *self.lock(), State::Closed);
        if let State::Open(link) = state {
            retire(link).await;
        }
    }

    /// Ends the connection if it is this one.
    async fn close_if(&self, idle: &Weak<Link>) {
        let is_it =
            matches!(&*self.lock(), State::Open(link) if Weak::as_ptr(idle) == Arc::as_ptr(link));
        if is_it {
            self.close().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a connection as soon as nobody publishes on it any more.
async fn retire(mut link: Arc<Link>) {
    loop {
        match Arc::try_unwrap(link) {
            Ok(link) => return link.close().await,
            Err(shared) => link = shared,
        }
        tokio::time::sleep(RETIRING_WAIT).await;
    }
}

/// Closes a connection on which nothing was published from one look to the next.
fn watch_idling(
    idle: Duration,
    vhost: Weak<Vhost>,
    link: &Arc<Link>,
) -> impl Future<Output = ()> + Send + 'static {
    let link = Arc::downgrade(link);
    async move {
        let mut seen = 0;
        loop {
            tokio::time::sleep(idle).await;
            let Some(publishes) = link.upgrade().map(|link| (link.publishes(), link.is_idle()))
            else {
                return;
            };
            if publishes == (seen, true) {
                if let Some(vhost) = vhost.upgrade() {
                    vhost.close_if(&link).await;
                }
                return;
            }
            seen = publishes.0;
        }
    }
}

//! One cluster: finding a topic's queues, and sending to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::classify::{self, Class, Failure};
use crate::config::Config;
use crate::error::LinkError;
use crate::frame::Answer;
use crate::peer::{Brokers, Peer, Wiring};
use crate::request::{Message, Request};
use crate::route::{self, Broker, Route};
use crate::routes::{Known, Routes};
use crate::sink::Clock;
use crate::tasks::Tasks;
use crate::tls::Dialer;

/// Name servers that one question goes to. Ours: each may take its whole time.
const NAME_SERVERS_TRIED_MAX: usize = 3;

/// How long others go before a broker that failed, in milliseconds. Ours.
const AVOIDED_MS: i64 = 5_000;

/// A configured cluster with its connections.
pub(crate) struct Instance {
    pub(crate) config: Config,
    wiring: Wiring,
    name_servers: Vec<Peer>,
    /// Which name server is asked first; moves on when that one does not answer.
    first: AtomicUsize,
    brokers: Brokers,
    routes: Routes,
    turn: AtomicUsize,
    clock: Clock,
}

/// What a broker made of a message.
enum Sent {
    /// It has it, under this id.
    Taken(Option<Box<str>>),
    /// It knows no such topic.
    NoTopic(Failure),
    /// It did not work.
    Failed { failure: Failure, is_elsewhere_better: bool },
}

impl Instance {
    pub(crate) fn new(config: Config, clock: Clock) -> Self {
        // What a connection fails with is said before the request's own time is over.
        let dial = config.timeout - config.timeout / 8;
        let wiring = Wiring {
            identity: config.identity(),
            dialer: Arc::new(Dialer { tls: config.tls.clone(), timeout: dial }),
            tasks: Tasks::new(),
            timeout: config.timeout,
        };
        Self {
            wiring,
            name_servers: config.name_servers.iter().cloned().map(Peer::name_server).collect(),
            first: AtomicUsize::new(0),
            brokers: Brokers::new(config.connections),
            routes: Routes::default(),
            turn: AtomicUsize::new(0),
            config,
            clock,
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Sends `message` to a queue of its topic: to one broker, and to a second one where the first
    /// could not take it and there is another.
    ///
    /// # Errors
    /// Nobody is known to have it.
    pub(crate) async fn send(
        self: &Arc<Self>,
        message: &Message,
    ) -> Result<Option<Box<str>>, Failure> {
        let topic = &*message.topic;
        let route = self.route(topic).await?;
        let Some((broker, queue)) = self.pick(&route) else { return Err(self.no_queue(topic)) };
        let failure = match self.send_to(message, broker, queue).await {
            Sent::Taken(id) => return Ok(id),
            Sent::NoTopic(_) => return self.send_after_a_look(message).await,
            Sent::Failed { failure, is_elsewhere_better: true } => failure,
            Sent::Failed { failure, is_elsewhere_better: false } => return Err(failure),
        };
        self.routes.doubt(topic);
        let other = |found: &Broker| found.address != broker.address;
        let now = self.now();
        let turn = self.next_turn();
        let better = route
            .pick(turn, |found| other(found) && !self.brokers.is_avoided(&found.address, now))
            .or_else(|| route.pick(turn, other));
        let Some((broker, queue)) = better else {
            return Err(failure);
        };
        match self.send_to(message, broker, queue).await {
            Sent::Taken(id) => Ok(id),
            Sent::NoTopic(failure) | Sent::Failed { failure, .. } => Err(failure),
        }
    }

    /// A broker said that there is no such topic: perhaps the route was old.
    async fn send_after_a_look(&self, message: &Message) -> Result<Option<Box<str>>, Failure> {
        let route = self.look_up(&message.topic).await?;
        let Some((broker, queue)) = self.pick(&route) else {
            return Err(self.no_queue(&message.topic));
        };
        match self.send_to(message, broker, queue).await {
            Sent::Taken(id) => Ok(id),
            Sent::NoTopic(failure) | Sent::Failed { failure, .. } => Err(failure),
        }
    }

    async fn send_to(&self, message: &Message, broker: &Broker, queue: u32) -> Sent {
        let who = || format!("broker {} ({})", broker.name, broker.address);
        let elsewhere = |failure| Sent::Failed { failure, is_elsewhere_better: true };
        let peer = match self.brokers.at(&broker.address) {
            Ok(peer) => peer,
            Err(error) => return elsewhere(classify::unanswered(&who(), &error)),
        };
        let request = Request::Send { message, broker: &broker.name, queue };
        let answer = match peer.exchange(&self.wiring, request).await {
            Ok(answer) => answer,
            Err(error) => {
                peer.avoid_until(self.now().saturating_add(AVOIDED_MS));
                return elsewhere(classify::unanswered(&who(), &error));
            }
        };
        let failure = || classify::answered(&who(), &answer);
        match classify::class(&answer) {
            Class::Delivered => Sent::Taken(answer.message_id),
            Class::NoTopic => Sent::NoTopic(failure()),
            Class::Later | Class::Permanent => {
                Sent::Failed { failure: failure(), is_elsewhere_better: false }
            }
            class @ (Class::Elsewhere | Class::GoAway) => {
                if class == Class::GoAway {
                    peer.leave_all();
                }
                peer.avoid_until(self.now().saturating_add(AVOIDED_MS));
                elsewhere(failure())
            }
        }
    }

    /// The next queue, not of a broker that failed a moment ago if there is another.
    fn pick<'a>(&self, route: &'a Route) -> Option<(&'a Broker, u32)> {
        let now = self.now();
        let turn = self.next_turn();
        let fine = |broker: &Broker| !self.brokers.is_avoided(&broker.address, now);
        route.pick(turn, fine).or_else(|| route.pick(turn, |_| true))
    }

    fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The route of a topic: the one that is known, or a new one.
    async fn route(self: &Arc<Self>, topic: &str) -> Result<Arc<Route>, Failure> {
        let Some(Known { route, is_to_be_refreshed }) = self.routes.get(topic, self.now()) else {
            return self.look_up(topic).await;
        };
        if is_to_be_refreshed {
            let (instance, topic) = (Arc::clone(self), Box::<str>::from(topic));
            self.wiring.tasks.spawn(async move {
                if let Err(Failure { fault, .. }) = instance.look_up(&topic).await {
                    tracing::debug!(%topic, %fault, "the route of a RocketMQ topic is not renewed");
                }
            });
        }
        Ok(route)
    }

    /// Asks for a topic's route. Whoever asks at the same time shares the answer.
    async fn look_up(&self, topic: &str) -> Result<Arc<Route>, Failure> {
        let lookup = self.routes.lookup(topic, self.now());
        let outcome = lookup.get_or_init(|| self.ask(topic)).await.clone();
        self.routes.settle(topic, &lookup, &outcome, self.now());
        outcome
    }

    async fn ask(&self, topic: &str) -> Result<Arc<Route>, Failure> {
        let first = self.first.load(Ordering::Relaxed);
        let mut failure = Failure::retry("DestinationUnreachable", "there is no name server");
        let in_turn = self.name_servers.iter().cycle().skip(first % self.name_servers.len().max(1));
        for server in in_turn.take(self.name_servers.len().min(NAME_SERVERS_TRIED_MAX)) {
            match self.ask_one(server, topic).await {
                Err(found) if !found.is_permanent => failure = found,
                settled => return settled,
            }
            self.first.fetch_add(1, Ordering::Relaxed);
        }
        Err(failure)
    }

    async fn ask_one(&self, server: &Peer, topic: &str) -> Result<Arc<Route>, Failure> {
        let who = || format!("name server {}", server.address());
        let answer = server.exchange(&self.wiring, Request::Route { topic }).await;
        let answer = answer.map_err(|error| classify::unanswered(&who(), &error))?;
        match classify::class(&answer) {
            Class::Delivered => Route::read(&answer.body).map(Arc::new).map_err(|error| {
                let message = format!("{}: the route of {topic} cannot be read: {error}", who());
                Failure::retry("BadResponse", &message)
            }),
            Class::NoTopic => match self.no_route(server, topic, &answer).await {
                missing if missing.is_permanent => self.ask_again(server, topic, missing).await,
                failure => Err(failure),
            },
            class @ (Class::Later | Class::Elsewhere | Class::GoAway | Class::Permanent) => {
                if class == Class::GoAway {
                    server.leave_all();
                }
                Err(classify::answered(&who(), &answer))
            }
        }
    }

    /// The broker that has the topic may have come between the two questions.
    async fn ask_again(
        &self,
        server: &Peer,
        topic: &str,
        missing: Failure,
    ) -> Result<Arc<Route>, Failure> {
        match server.exchange(&self.wiring, Request::Route { topic }).await {
            Ok(answer) if classify::class(&answer) == Class::Delivered => {
                let retry = |_| Failure { is_permanent: false, ..missing };
                Route::read(&answer.body).map(Arc::new).map_err(retry)
            }
            Ok(_) => Err(missing),
            Err(_) => Err(Failure { is_permanent: false, ..missing }),
        }
    }

    /// A name server has no route of a topic that is missing, and none while the brokers that have it
    /// are down.
    async fn no_route(&self, server: &Peer, topic: &str, answer: &Answer) -> Failure {
        if self.routes.is_known(topic) {
            let message = format!(
                "name server {} has no route of topic {topic} any more; its brokers may be down",
                server.address()
            );
            // Whether it is gone is the word of the broker that had it.
            return Failure::retry("NoBroker", &message);
        }
        match self.brokers_alive(server).await {
            Ok(Some(0)) => {
                let message = format!(
                    "name server {} knows no broker that is alive, so nobody has topic {topic}",
                    server.address()
                );
                Failure::retry("NoBroker", &message)
            }
            Ok(Some(alive)) => {
                let message = format!(
                    "topic {topic} does not exist: name server {} knows brokers that are alive ({alive}), and none has it",
                    server.address()
                );
                Failure::permanent("TOPIC_NOT_EXIST", &message)
            }
            // Where the list is not ours to read, the topic has the benefit of the doubt.
            Ok(None) | Err(_) => {
                let failure =
                    classify::answered(&format!("name server {}", server.address()), answer);
                Failure { is_permanent: false, ..failure }
            }
        }
    }

    async fn brokers_alive(&self, server: &Peer) -> Result<Option<usize>, LinkError> {
        let answer = server.exchange(&self.wiring, Request::Cluster).await?;
        let is_list = classify::class(&answer) == Class::Delivered;
        Ok(is_list.then(|| route::brokers_alive(&answer.body).ok()).flatten())
    }

    fn no_queue(&self, topic: &str) -> Failure {
        self.routes.doubt(topic);
        let message = format!("topic {topic} has no queue on a master that may be written");
        Failure::retry("NoWritableQueue", &message)
    }

    /// Ends connections and lookups.
    pub(crate) async fn close(&self) {
        self.wiring.tasks.close().await;
    }
}

//! The calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use invoked_core::directory::FunctionKind;
use invoked_core::limits::RESULT_MAX;
use invoked_core::name::FunctionName;
use invoked_http::{Call, Client, Endpoint, Error, Origin, Trust};
use invoked_sink::{
    Answer, Attempted, HttpHead, HttpResponse, NamedBy, Target, TargetAddress, TargetSpec,
};

use crate::classify::{self, Asked};
use crate::event::{self, Unusable};
use crate::initialize::Gate;
use crate::request::{Template, TemplateError, is_same};

/// Account and function.
type Key = (Arc<str>, FunctionName);

/// Functions whose requests are kept prepared. Ours: from there on, those of functions that nobody holds
/// a specification of are dropped whenever the others have doubled.
const PREPARED_MAX: usize = 1_024;

/// Calls functions that speak the custom-runtime protocol.
pub struct HttpTarget {
    client: Client,
    kept: RwLock<Kept>,
}

/// What is prepared, by function.
struct Kept {
    prepared: BTreeMap<Key, Arc<Prepared>>,
    /// So many are looked through. Many functions come one by one after a start: to look through all each
    /// time would cost more than their calls.
    swept_at: usize,
}

struct Prepared {
    spec: Arc<TargetSpec>,
    origin: Arc<Origin>,
    template: Template,
    gate: Gate,
}

impl HttpTarget {
    /// Calls go through `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let kept = Kept { prepared: BTreeMap::new(), swept_at: PREPARED_MAX };
        Self { client, kept: RwLock::new(kept) }
    }

    fn prepared(&self, spec: &Arc<TargetSpec>) -> Result<Arc<Prepared>, Answer> {
        let key = (Arc::clone(&spec.account), spec.function.clone());
        {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = kept.prepared.get(&key)
                && is_same(&found.spec, spec)
            {
                return Ok(Arc::clone(found));
            }
        }
        let fresh = Arc::new(self.prepare(spec)?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.sweep();
        match kept.prepared.get(&key) {
            // Another attempt was quicker; one gate must serve both.
            Some(found) if is_same(&found.spec, spec) => Ok(Arc::clone(found)),
            Some(_) | None => {
                kept.prepared.insert(key, Arc::clone(&fresh));
                Ok(fresh)
            }
        }
    }

    fn prepare(&self, spec: &Arc<TargetSpec>) -> Result<Prepared, Answer> {
        let unusable = |error: TemplateError| {
            let message = match error {
                TemplateError::Url(why) => format!("{error}: {why}"),
                TemplateError::Header { .. } => error.to_string(),
            };
            classify::refused("InvalidTarget", &message)
        };
        let url = match &spec.address {
            TargetAddress::Runtime { url } => url,
            TargetAddress::Remote { .. } => {
                let message = "the function is a remote one, it cannot be called by URL";
                return Err(classify::refused("InvalidTarget", message));
            }
        };
        let endpoint = Endpoint::parse(url).map_err(|error| unusable(TemplateError::Url(error)))?;
        let template = Template::new(spec, &endpoint).map_err(unusable)?;
        let trust = match spec.named_by {
            NamedBy::Operator => Trust::Operator,
            NamedBy::Client => Trust::Api,
        };
        let origin = self.client.origin(&endpoint, trust);
        Ok(Prepared { spec: Arc::clone(spec), origin, template, gate: Gate::default() })
    }
}

impl Kept {
    /// Drops what nobody holds a specification of, if there is much.
    fn sweep(&mut self) {
        if self.prepared.len() >= self.swept_at {
            self.prepared.retain(|_, prepared| Arc::strong_count(&prepared.spec) > 1);
            self.swept_at = PREPARED_MAX.max(self.prepared.len() * 2);
        }
    }
}

impl Prepared {
    async fn initialize(&self, attempted: &Attempted) -> Result<(), Answer> {
        let timeout = self.spec.timeout;
        let request = self.template.initialize(attempted);
        let call = Call { request, timeout, body_bytes_max: RESULT_MAX };
        let answer = classify::answer(self.origin.send(call).await, Asked::initialize(timeout));
        match answer.fault {
            None => Ok(()),
            Some(_) => Err(answer),
        }
    }

    /// Sends the request that the function is there for.
    async fn send(
        &self,
        request: Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<Response<Bytes>, Error> {
        let outcome =
            self.origin.send(Call { request, timeout: self.spec.timeout, body_bytes_max }).await;
        if matches!(outcome, Err(Error::Connect { .. })) {
            self.gate.close();
        }
        outcome
    }

    fn asked(&self) -> Asked {
        Asked::invoke(self.spec.status, self.spec.timeout)
    }

    /// The request of an attempt, which for an HTTP function is the one that its event stands for.
    fn attempt(&self, attempted: &Attempted) -> Result<Request<Bytes>, Unusable> {
        match self.spec.kind {
            FunctionKind::Event => Ok(self.template.invoke(attempted)),
            FunctionKind::Http => {
                let (head, body) = event::request(&attempted.payload)?;
                self.template.http(attempted, &head, body)
            }
        }
    }
}

impl HttpTarget {
    /// The function, ready for a request.
    async fn ready(&self, attempted: &Attempted) -> Result<Arc<Prepared>, Answer> {
        let prepared = self.prepared(&attempted.target)?;
        if prepared.spec.initialize {
            prepared.gate.pass(prepared.initialize(attempted)).await?;
        }
        Ok(prepared)
    }
}

fn unusable(error: &Unusable) -> Answer {
    classify::refused("InvalidArgument", &error.to_string())
}

#[async_trait]
impl Target for HttpTarget {
    async fn invoke(&self, attempted: &Attempted) -> Answer {
        let prepared = match self.ready(attempted).await {
            Ok(prepared) => prepared,
            Err(answer) => return answer,
        };
        match prepared.attempt(attempted) {
            Ok(request) => {
                let outcome = prepared.send(request, attempted.result_max).await;
                classify::answer(outcome, prepared.asked())
            }
            Err(error) => unusable(&error),
        }
    }

    async fn request(
        &self,
        attempted: &Attempted,
        head: &HttpHead,
    ) -> Result<HttpResponse, Answer> {
        let prepared = self.ready(attempted).await?;
        let request = prepared.template.http(attempted, head, attempted.payload.clone());
        let request = request.map_err(|error| unusable(&error))?;
        let outcome = prepared.send(request, attempted.result_max).await;
        outcome.map_err(|error| classify::failure(&error, prepared.asked()))
    }
}

impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTarget").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use invoked_http::{Config, Egress};

    use super::*;
    use crate::tests::spec;

    #[test]
    fn functions_that_are_gone_are_forgotten_and_the_others_seldom_looked_through() {
        let target = HttpTarget::new(Client::new(&Config::default(), Egress::default()));
        let prepare = |number: usize| {
            let mut spec = TargetSpec::clone(&spec("http://127.0.0.1:9"));
            spec.function = FunctionName::parse(&format!("f{number}")).unwrap();
            let spec = Arc::new(spec);
            target.prepared(&spec).map(|_| spec).unwrap()
        };
        let kept = |target: &HttpTarget| {
            let kept = target.kept.read().unwrap();
            (kept.prepared.len(), kept.swept_at)
        };
        let held: Vec<_> = (0..PREPARED_MAX * 3).map(prepare).collect();
        assert_eq!(
            kept(&target),
            (PREPARED_MAX * 3, PREPARED_MAX * 4),
            "all, looked through twice"
        );
        drop(held);
        for number in 0..PREPARED_MAX * 8 {
            drop(prepare(number + PREPARED_MAX * 3));
            assert!(kept(&target).0 <= PREPARED_MAX * 4, "bounded by twice what was held");
        }
        assert_eq!(kept(&target).1, PREPARED_MAX);
    }
}

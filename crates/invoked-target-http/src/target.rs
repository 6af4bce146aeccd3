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

/// Functions whose requests are kept prepared. Ours: beyond, those of functions that nobody holds
/// a specification of are dropped.
const PREPARED_MAX: usize = 1_024;

/// Calls functions that speak the custom-runtime protocol.
pub struct HttpTarget {
    client: Client,
    prepared: RwLock<BTreeMap<Key, Arc<Prepared>>>,
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
        Self { client, prepared: RwLock::default() }
    }

    fn prepared(&self, spec: &Arc<TargetSpec>) -> Result<Arc<Prepared>, Answer> {
        let key = (Arc::clone(&spec.account), spec.function.clone());
        {
            let prepared = self.prepared.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = prepared.get(&key)
                && is_same(&found.spec, spec)
            {
                return Ok(Arc::clone(found));
            }
        }
        let fresh = Arc::new(self.prepare(spec)?);
        let mut prepared = self.prepared.write().unwrap_or_else(PoisonError::into_inner);
        if prepared.len() >= PREPARED_MAX {
            prepared.retain(|_, prepared| Arc::strong_count(&prepared.spec) > 1);
        }
        match prepared.get(&key) {
            // Another attempt was quicker; one gate must serve both.
            Some(found) if is_same(&found.spec, spec) => Ok(Arc::clone(found)),
            Some(_) | None => {
                prepared.insert(key, Arc::clone(&fresh));
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

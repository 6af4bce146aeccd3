//! Making spans. Attributes are named as OpenTelemetry's semantic conventions 1.38 have them (FaaS,
//! messaging, errors).

use std::fmt;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};

use invoked_core::arn::SinkKind;
use invoked_core::trace::TraceContext;
use invoked_sink::{Ended, Spans, Step};
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    TracerProvider as _,
};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::dispatcher::{self, Dispatch};
use tracing::level_filters::LevelFilter;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{Registry, filter};

use crate::queue::Queue;

/// The target of spans, and of nothing else.
const TARGET: &str = "invoked_spans";

/// Makes spans.
pub struct Otlp {
    /// A subscriber of its own: it sees nothing but our spans.
    dispatch: Dispatch,
    provider: SdkTracerProvider,
    /// Traces begin when a throw of 64 bits is below this.
    threshold: u64,
    thrown: AtomicU64,
}

impl Otlp {
    pub(crate) fn new(queue: Queue, resource: Resource, sample_ratio: f64, seed: u64) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource)
            .build();
        let spans = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("invoked"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        let ours = filter::Targets::new().with_target(TARGET, LevelFilter::INFO);
        let dispatch = Dispatch::new(Registry::default().with(spans.with_filter(ours)));
        Self {
            dispatch,
            provider,
            threshold: threshold(sample_ratio),
            thrown: AtomicU64::new(seed),
        }
    }

    /// Whether a trace that begins here is recorded.
    fn is_drawn(&self) -> bool {
        // SplitMix64: a Weyl sequence, mixed.
        let step = 0x9E37_79B9_7F4A_7C15;
        let mut dice = self.thrown.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        dice = (dice ^ (dice >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        dice = (dice ^ (dice >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        self.threshold == u64::MAX || dice ^ (dice >> 31) < self.threshold
    }
}

fn threshold(ratio: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share from 0 to 1 of all 64-bit numbers; a cast saturates"
    )]
    let threshold = (ratio * u64::MAX as f64) as u64;
    threshold
}

impl Spans for Otlp {
    fn begin(
        &self,
        step: Step<'_>,
        parent: Option<&TraceContext>,
    ) -> Option<Box<dyn invoked_sink::Span>> {
        let is_recorded = parent.map_or_else(|| self.is_drawn(), TraceContext::is_sampled);
        if !is_recorded {
            return None;
        }
        let span = dispatcher::with_default(&self.dispatch, || begun(step));
        if let Some(parent) = parent {
            span.set_parent(Context::new().with_remote_span_context(remote(parent))).ok()?;
        }
        describe(&span, step);
        let context = span.context();
        let own = context.span().span_context().clone();
        let context = TraceContext {
            trace_id: own.trace_id().to_bytes(),
            parent_id: own.span_id().to_bytes(),
            flags: own.trace_flags().to_u8() | parent.map_or(0, |parent| parent.flags),
            state: parent.and_then(|parent| parent.state.clone()),
        };
        Some(Box::new(UnderWay { span, context }))
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        // The queue is ours, so there is nothing to wait for.
        drop(self.provider.shutdown());
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").finish_non_exhaustive()
    }
}

fn begun(step: Step<'_>) -> Span {
    macro_rules! span {
        ($kind:literal, $name:expr) => {
            info_span!(target: TARGET, parent: None, "step", otel.kind = $kind, otel.name = $name)
        };
    }
    match step {
        Step::Accept { function, .. } => {
            span!("server", format!("invoke {}", function.name.as_str()))
        }
        Step::Attempt { function, .. } => span!("client", format!("attempt {}", function.as_str())),
        Step::Callback { destination, .. } => {
            span!("producer", format!("send {}", destination.as_str()))
        }
    }
}

fn describe(span: &Span, step: Step<'_>) {
    let set = |name: &'static str, value: Value| span.set_attribute(name, value);
    match step {
        Step::Accept { function, qualifier } => {
            set("faas.trigger", "http".into());
            set("faas.name", function.name.as_str().to_owned().into());
            set("faas.version", qualifier.as_str().to_owned().into());
            set("cloud.account.id", function.account.as_ref().to_owned().into());
        }
        Step::Attempt { function, qualifier, request_id, attempt } => {
            set("faas.invoked_name", function.as_str().to_owned().into());
            set("faas.version", qualifier.as_str().to_owned().into());
            set("faas.invocation_id", request_id.to_string().into());
            set("invoked.attempt", i64::from(attempt.0).into());
        }
        Step::Callback { destination, request_id, tried } => {
            set("messaging.operation.type", "send".into());
            set("messaging.system", system(destination.kind()).into());
            set("messaging.destination.name", destination.as_str().to_owned().into());
            set("messaging.message.id", request_id.to_string().into());
            set("faas.invocation_id", request_id.to_string().into());
            set("invoked.attempt", i64::from(tried.0).into());
        }
    }
}

/// The conventions name some; the others are named after them.
fn system(kind: SinkKind) -> &'static str {
    match kind {
        SinkKind::Mns => "aliyun_mns",
        SinkKind::Fc => "aliyun_fc",
        SinkKind::EventBridge => "aliyun_eventbridge",
        SinkKind::RocketMq => "rocketmq",
        SinkKind::Kafka => "kafka",
        SinkKind::Amqp => "rabbitmq",
    }
}

fn remote(parent: &TraceContext) -> SpanContext {
    let state = parent.state.as_deref().and_then(|state| TraceState::from_str(state).ok());
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id),
        SpanId::from_bytes(parent.parent_id),
        TraceFlags::new(parent.flags),
        true,
        state.unwrap_or_default(),
    )
}

/// A span that has begun. It ends when it is dropped.
struct UnderWay {
    span: Span,
    context: TraceContext,
}

impl invoked_sink::Span for UnderWay {
    fn context(&self) -> TraceContext {
        self.context.clone()
    }

    fn end(self: Box<Self>, ended: Ended<'_>) {
        if let Some(id) = ended.request_id {
            self.span.set_attribute("faas.invocation_id", id.to_string());
        }
        if let Some(code) = ended.error {
            self.span.set_attribute("error.type", code.to_owned());
            self.span.set_status(Status::error(code.to_owned()));
        }
    }
}

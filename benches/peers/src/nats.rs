//! NATS JetStream: a file stream as a work queue. Its server of 2.9 acknowledges before it syncs, so an accepted
//! invocation is **not durable** against the loss of power.

use std::net::SocketAddr;

use anyhow::{Result, anyhow};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, AckKind};
use bytes::Bytes;
use futures_util::StreamExt;

use crate::front::{self, Publisher};
use crate::worker::{self, Message, patiently};

const STREAM: &str = "INVOCATIONS";
const SUBJECT: &str = "invocations";

#[derive(clap::Args)]
pub(crate) struct FrontArgs {
    /// Where NATS listens.
    #[arg(long)]
    broker: SocketAddr,
    #[arg(long)]
    listen: SocketAddr,
}

#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    /// Where NATS listens.
    #[arg(long)]
    broker: SocketAddr,
    /// Where the function listens.
    #[arg(long)]
    function: SocketAddr,
    /// Connections to the function.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
}

async fn open(broker: SocketAddr) -> Result<(jetstream::Context, Stream)> {
    patiently(async || {
        let client = async_nats::connect(format!("nats://{broker}")).await?;
        let context = jetstream::new(client);
        let stream = Config {
            name: STREAM.into(),
            subjects: vec![SUBJECT.into()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            ..Config::default()
        };
        let stream = context.get_or_create_stream(stream).await?;
        Ok((context, stream))
    })
    .await
}

pub(crate) async fn front(args: &FrontArgs) -> Result<()> {
    let (context, _) = open(args.broker).await?;
    front::serve(args.listen, context).await
}

impl Publisher for jetstream::Context {
    async fn publish(&self, body: Bytes) -> Result<()> {
        // The inherent method of the same name; its second future is the acknowledgement.
        Self::publish(self, SUBJECT, body).await?.await?;
        Ok(())
    }
}

pub(crate) async fn work(args: &WorkerArgs) -> Result<()> {
    let (_, stream) = open(args.broker).await?;
    let consumer = pull::Config {
        durable_name: Some("worker".into()),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: 1_000,
        ..pull::Config::default()
    };
    let consumer: PullConsumer = stream.get_or_create_consumer("worker", consumer).await?;
    let queue = worker::call(args.function, args.concurrency)?;
    let mut messages = consumer.messages().await?;
    while let Some(message) = messages.next().await {
        queue.push(message?);
    }
    Ok(())
}

impl Message for jetstream::Message {
    fn body(&mut self) -> Bytes {
        self.payload.clone()
    }

    async fn done(self) -> Result<()> {
        self.ack().await.map_err(|error| anyhow!(error))
    }

    async fn failed(self) -> Result<()> {
        self.ack_with(AckKind::Nak(None)).await.map_err(|error| anyhow!(error))
    }
}

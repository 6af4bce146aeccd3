//! RabbitMQ: a durable queue, persistent messages, publisher confirms, acknowledgement after the function's answer.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Acker, BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};

use crate::front::{self, Publisher};
use crate::worker::{self, Message, patiently};

const QUEUE: &str = "invocations";
const PERSISTENT: u8 = 2;

#[derive(Clone, Copy, ValueEnum)]
enum Queue {
    Quorum,
    Classic,
}

#[derive(clap::Args)]
struct BrokerArgs {
    /// Where RabbitMQ listens.
    #[arg(long)]
    broker: SocketAddr,
    #[arg(long, value_enum)]
    queue: Queue,
}

#[derive(clap::Args)]
pub(crate) struct FrontArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    #[arg(long)]
    listen: SocketAddr,
}

#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    /// Where the function listens.
    #[arg(long)]
    function: SocketAddr,
    /// Connections to the function; twice as many messages are fetched ahead.
    #[arg(long, default_value_t = 64)]
    concurrency: u16,
}

impl BrokerArgs {
    /// The connection must be kept for as long as its channel is used.
    async fn open(&self) -> Result<(Connection, Channel)> {
        let uri = format!("amqp://guest:guest@{}/%2f", self.broker);
        patiently(async || {
            let connection = Connection::connect(&uri, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            let mut arguments = FieldTable::default();
            if let Queue::Quorum = self.queue {
                arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
            }
            channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), arguments).await?;
            Ok((connection, channel))
        })
        .await
    }
}

pub(crate) async fn front(args: &FrontArgs) -> Result<()> {
    let (_connection, channel) = args.broker.open().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    front::serve(args.listen, channel).await
}

impl Publisher for Channel {
    async fn publish(&self, body: Bytes) -> Result<()> {
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let options = BasicPublishOptions::default();
        let confirm =
            self.basic_publish("".into(), QUEUE.into(), options, &body, properties).await?.await?;
        ensure!(matches!(confirm, Confirmation::Ack(None)), "{confirm:?}");
        Ok(())
    }
}

pub(crate) async fn work(args: &WorkerArgs) -> Result<()> {
    let (_connection, channel) = args.broker.open().await?;
    let ahead = args.concurrency.saturating_mul(2);
    channel.basic_qos(ahead, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut consumer = channel
        .basic_consume(QUEUE.into(), "worker".into(), options, FieldTable::default())
        .await?;
    let queue = worker::call(args.function, args.concurrency.into())?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        queue.push(Delivered { body: delivery.data.into(), acker: delivery.acker });
    }
    Ok(())
}

struct Delivered {
    body: Bytes,
    acker: Acker,
}

impl Message for Delivered {
    fn body(&mut self) -> Bytes {
        std::mem::take(&mut self.body)
    }

    async fn done(self) -> Result<()> {
        self.acker.ack(BasicAckOptions::default()).await?;
        Ok(())
    }

    async fn failed(self) -> Result<()> {
        self.acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await?;
        Ok(())
    }
}

"""Clients that are not ours, for the tests of the sinks: they make queues and topics, and read back what arrived.

    broker.py rabbitmq-queue HOST:PORT QUEUE [EXCHANGE KEY] [--reject-publish]
    broker.py rabbitmq-read  HOST:PORT QUEUE
    broker.py kafka-topic    BOOTSTRAP TOPIC [MAX_MESSAGE_BYTES]
    broker.py kafka-read     BOOTSTRAP TOPIC

Reading prints one JSON object for each message: id, body, tag, and what else the wire says. Messages stay where they are.
"""

import json
import sys


def show(**fields):
    print(json.dumps(fields, ensure_ascii=True))


def rabbitmq(address):
    import pika

    host, port = address.split(":")
    parameters = pika.ConnectionParameters(host, int(port), credentials=pika.PlainCredentials("guest", "guest"))
    return pika.BlockingConnection(parameters)


def rabbitmq_queue(address, queue, *rest):
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"} if "--reject-publish" in rest else None
    rest = [word for word in rest if not word.startswith("--")]
    connection = rabbitmq(address)
    channel = connection.channel()
    channel.queue_declare(queue, durable=True, arguments=arguments)
    if rest:
        exchange, key = rest
        channel.exchange_declare(exchange, exchange_type="direct", durable=True)
        channel.queue_bind(queue, exchange, key)
    connection.close()


def rabbitmq_read(address, queue):
    connection = rabbitmq(address)
    channel = connection.channel()
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=False)
        if method is None:
            break
        headers = properties.headers or {}
        show(
            id=properties.message_id,
            body=body.decode(),
            tag=properties.type,
            persistent=properties.delivery_mode == 2,
            content_type=properties.content_type,
            traceparent=headers.get("traceparent"),
            headers={name: str(value) for name, value in headers.items()},
        )
    # What was not acknowledged goes back.
    connection.close()


def kafka_topic(bootstrap, topic, max_bytes="1048588"):
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = NewTopic(topic, num_partitions=2, replication_factor=1, config={"max.message.bytes": max_bytes})
    for made in admin.create_topics([new]).values():
        try:
            made.result(30)
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise


def kafka_read(bootstrap, topic):
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "invoked-tests", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, 30).topics[topic].partitions
    for number in partitions:
        partition = TopicPartition(topic, number, 0)
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), 30)
        consumer.assign([partition])
        seen = 0
        while seen < end:
            message = consumer.poll(30)
            if message is None:
                raise SystemExit(f"{topic}/{number}: {seen} of {end} came")
            if message.error():
                raise SystemExit(str(message.error()))
            seen = message.offset() + 1
            headers = {name: value.decode() for name, value in message.headers() or []}
            show(
                id=message.key().decode(),
                body=message.value().decode(),
                tag=headers.get("x-invoked-outcome"),
                traceparent=headers.get("traceparent"),
                headers=headers,
                place=f"{topic}/{number}@{message.offset()}",
            )
    consumer.close()


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])

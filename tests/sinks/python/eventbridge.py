"""Judges what lies in the mailbox of an EventBridge double by code that is not ours, and prints it.

    eventbridge.py http://127.0.0.1:PORT/mailbox ACCESS_KEY_ID ACCESS_KEY_SECRET [BUS]

Each request is signed again by the vendor's alibabacloud-eventbridge-util, and each event is read by the CloudEvents SDK;
what is not as it must be is an exception. Prints one JSON object for each event: id, tag (the word after the last colon
of its type), and body, which is its data as it came, byte for byte.
"""

import json
import sys
import urllib.request
from types import SimpleNamespace

from alibabacloud_eventbridge_util.client import Client
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

# What the service adds to an event that it takes; the first is in it already, to choose the bus.
EXTENSIONS = {
    "aliyuneventbusname",
    "aliyunaccountid",
    "aliyunoriginalaccountid",
    "aliyunpublishaddr",
    "aliyunpublishtime",
    "aliyunregionid",
}


def check_request(message: dict, key_id: str, secret: str):
    headers = message["headers"]
    request = SimpleNamespace(method=message["method"], pathname=message["path"], headers=headers, query={})
    signature = Client.get_signature(Client.get_string_to_sign(request), secret)
    same(headers["authorization"], f"acs:{key_id}:{signature}", "authorization")
    if "x-acs-security-token" in headers:
        same(headers["x-acs-accesskey-id"], key_id, "x-acs-accesskey-id")
    same(headers["content-type"], "application/cloudevents-batch+json; charset=utf-8", "content-type")


def check_event(sent: dict, message: dict):
    same(sent.get("specversion"), "1.0", "specversion")  # The SDK takes its absence for 1.0.
    event = JSONFormat().read(CloudEvent, json.dumps(sent))
    same(event.get_id(), message["message_id"], "id")
    same(event.get_source(), "acs:fc", "source")
    same(event.get_type(), message["tag"], "type")
    if event.get_type() not in ("fc:AsyncInvoke:succeeded", "fc:AsyncInvoke:failed"):
        raise AssertionError(f"type: {event.get_type()}")
    same(event.get_datacontenttype(), "application/json", "datacontenttype")
    same(event.get_extension("aliyuneventbusname"), message["destination"], "aliyuneventbusname")
    if event.get_time().utcoffset() is None:
        raise AssertionError("time has no offset")
    context = event.get_data().get("requestContext")
    if context is not None:  # The suite's own messages have none.
        same(context["requestId"], event.get_id(), "data.requestContext.requestId")
        same(context["functionArn"], event.get_subject(), "data.requestContext.functionArn")

    kept = json.loads(message["body"])
    same({name: kept[name] for name in sent}, sent, "the event as it is kept")
    same(kept.keys() - sent.keys(), EXTENSIONS - sent.keys(), "the extensions of the service")


def data_of(raw: str) -> str:
    """The data of the only event of a batch, as it stands there."""
    start = raw.index('"data":') + len('"data":')
    _, end = json.JSONDecoder().raw_decode(raw, start)
    return raw[start:end]


def same(found, wanted, what: str):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} is not {wanted!r}")


def main(url: str, key_id: str, secret: str, bus: str | None = None):
    with urllib.request.urlopen(url) as answer:
        messages = json.load(answer)["messages"]
    for message in messages:
        check_request(message, key_id, secret)
        [sent] = json.loads(message["raw"])
        check_event(sent, message)
        if bus in (None, message["destination"]):
            tag = sent["type"].rpartition(":")[2]
            traceparent = sent.get("traceparent")
            body = data_of(message["raw"])
            print(json.dumps({"id": sent["id"], "tag": tag, "body": body, "traceparent": traceparent}))


if __name__ == "__main__":
    main(*sys.argv[1:])

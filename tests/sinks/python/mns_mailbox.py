"""Judges and reads what lies in the mailbox of an MNS double by the vendor's own code, aliyun-mns-sdk:

    python mns_mailbox.py http://127.0.0.1:PORT/mailbox ACCESS_KEY_ID ACCESS_KEY_SECRET [/queues/QUEUE | /topics/TOPIC]

Each request is signed again by its `MNSClient.get_signature`, and each message handed to its decoder within the answer
that a receiver would get. Prints one JSON object for each message: id, body, tag. Anything that is not as it must be is
an exception.
"""

import json
import sys
import urllib.request
from xml.dom import minidom

from mns.auth import Credentials
from mns.mns_client import MNSClient
from mns.mns_xml_handler import RecvMessageDecoder

# What a receiver gets beside the body.
RECEIVED = "".join(
    f"<{name}>1</{name}>"
    for name in (
        "DequeueCount",
        "EnqueueTime",
        "FirstDequeueTime",
        "MessageId",
        "MessageBodyMD5",
        "NextVisibleTime",
        "ReceiptHandle",
        "Priority",
    )
)


def check(message, key_id, secret):
    headers = message["headers"]
    # The method needs nothing of a client but its own code.
    signer = MNSClient.__new__(MNSClient)
    credentials = Credentials(key_id, secret)
    signature = signer.get_signature(message["method"], headers, message["path"], credentials)
    same(headers["authorization"], signature, "authorization")
    same(headers["x-mns-version"], "2015-06-06", "x-mns-version")
    same(headers["content-type"], "text/xml;charset=UTF-8", "content-type")
    same("content-md5" in headers, False, "there is a content-md5")

    kind, name = message["path"].split("/")[1:3]
    same(message["path"], f"/{kind}/{name}/messages", "path")
    root = minidom.parseString(message["raw"].encode()).documentElement
    same(root.getAttribute("xmlns"), "http://mns.aliyuncs.com/doc/v1/", "xmlns")
    names = [child.nodeName for child in root.childNodes]
    same(names, ["MessageBody"] if kind == "queues" else ["MessageBody", "MessageTag"], "elements")
    tags = root.getElementsByTagName("MessageTag")
    tag = tags[0].firstChild.data if tags else None
    same(message["tag"], tag, "tag")

    # The bytes of the body are ours, the reading of them the vendor's. Its queues decode base64, its topics do not.
    answer = message["raw"].replace("</Message>", f"{RECEIVED}</Message>")
    body = RecvMessageDecoder.decode(answer, kind == "queues")["MessageBody"]
    body = body.decode() if isinstance(body, bytes) else body
    same(message["body"], body, "body as it is kept")
    return {"id": headers["x-mns-user-request-id"], "body": body, "tag": tag}


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} is not {wanted!r}")


def read(url, key_id, secret, destination=None):
    with urllib.request.urlopen(url) as answer:
        messages = json.load(answer)["messages"]
    for message in messages:
        if destination in (None, message["destination"]):
            print(json.dumps(check(message, key_id, secret)))


if __name__ == "__main__":
    read(*sys.argv[1:])

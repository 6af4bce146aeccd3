"""Terraform's order of calls for `alicloud_fcv3_async_invoke_config`: `python -m terraform`.

Its provider sends them with tea-roa (signature `acs`, HMAC-SHA1). This is the same client, generated from the same
source, for Python: alibabacloud-tea-roa.
"""

import sys
import unittest

from alibabacloud_tea_roa import models as roa
from alibabacloud_tea_roa.client import Client
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

import conformance as c

VERSION = "2023-03-30"
COVERED = c.Covered("alibabacloud-tea-roa", VERSION)
CONFIG = f"/{VERSION}/functions/hello/async-invoke-config"

c.trust()  # This client takes no option.


class Calls:
    def __init__(self, key: c.Key = c.KEY):
        config = roa.Config(
            access_key_id=key.id,
            access_key_secret=key.secret,
            security_token=key.token,
            endpoint=c.HOST,
            protocol=c.SCHEME,
            region_id=c.REGION,
        )
        self._client = Client(config)

    def send(self, operation, method, path, query=None, body=None):
        """One call, noted as `operation`: the answer's JSON, None where it has no body."""
        runtime = RuntimeOptions(autoretry=False, ignore_ssl=False)
        call = lambda: self._client.do_request(VERSION, c.SCHEME, method, "AK", path, query, None, body, runtime)
        code = lambda error: error.code if isinstance(error, TeaException) else None
        return COVERED.watch(operation, call, code)().get("body")

    def put(self, qualifier="LATEST", **fields):
        # As the provider does it: the function's name in the body, both destinations always there.
        query = {"qualifier": qualifier}
        return self.send("PutAsyncInvokeConfig", "PUT", CONFIG, query, {"functionName": "hello", **fields})

    def read(self):
        return self.send("GetAsyncInvokeConfig", "GET", CONFIG)

    def delete(self):
        return self.send("DeleteAsyncInvokeConfig", "DELETE", CONFIG, {"qualifier": "LATEST"})


def destinations(success=None, failure=None):
    of = lambda function: {"destination": c.arn(f"functions/{function}")} if function else {}
    return {"onSuccess": of(success), "onFailure": of(failure)}


class Order(unittest.TestCase):
    def refused(self, call):
        with self.assertRaises(TeaException) as raised:
            call()
        return raised.exception

    def test_create_plan_update_import_destroy(self):
        calls = Calls()
        self.assertEqual(self.refused(calls.read).code, "AsyncConfigNotExists")
        calls.put(destinationConfig=destinations("audit"), maxAsyncEventAgeInSeconds=3600, asyncTask=False)
        expected = {
            "destinationConfig": {"onSuccess": destinations("audit")["onSuccess"]},
            "maxAsyncEventAgeInSeconds": 3600,
            "asyncTask": False,
        }
        plan = lambda: {field: value for field, value in calls.read().items() if field in expected}
        self.assertEqual(plan(), expected)

        # One field in each step; the plan after it is empty.
        steps = (
            {"maxAsyncRetryAttempts": 1},
            {"maxAsyncEventAgeInSeconds": 7200},
            {"asyncTask": True},
            {"maxAsyncRetryAttempts": 0},
        )
        for step in steps:
            calls.put(**step)
            expected |= step
            self.assertEqual(plan(), expected)
        calls.put(destinationConfig=destinations("audit", "tasks"))
        expected["destinationConfig"] = destinations("audit", "tasks")
        self.assertEqual(plan(), expected)

        # An import knows the function's name alone, and must find all of it.
        imported = Calls().read()
        self.assertEqual(imported["functionArn"], c.arn("functions/hello"))
        self.assertEqual({field: imported[field] for field in expected}, expected)
        self.assertNotIn("Code", imported)

        self.assertIsNone(calls.delete())
        error = self.refused(calls.read)
        self.assertEqual(error.code, "AsyncConfigNotExists")
        self.assertIn("code: 404", error.message)
        self.assertEqual(self.refused(calls.delete).code, "AsyncConfigNotExists")

    def test_strangers(self):
        for key, (status, code) in c.STRANGERS.items():
            with self.subTest(key=key):
                error = self.refused(Calls(key).read)
                self.assertEqual(error.code, code)
                self.assertIn(f"code: {status}", error.message)

    def test_temporary_credentials(self):
        self.assertEqual(self.refused(Calls(c.STS).read).code, "AsyncConfigNotExists")


if __name__ == "__main__":
    operations = {"PutAsyncInvokeConfig", "GetAsyncInvokeConfig", "DeleteAsyncInvokeConfig"}
    c.main(COVERED, [sys.modules["__main__"]], operations)

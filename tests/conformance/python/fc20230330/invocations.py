"""Asynchronous and synchronous invocations."""

import time
import unittest

import conformance as c
from fc20230330 import fc


class Invocations(unittest.TestCase):
    def setUp(self):
        self.client = fc.client()

    def test_an_asynchronous_invocation_is_accepted_with_a_request_id(self):
        response = fc.invoke(self.client, "hello", b'{"k":1}')
        self.assertEqual((response.status_code, response.body.read()), (202, b""))
        self.assertTrue(response.headers["x-fc-request-id"])

    def test_request_ids_are_distinct(self):
        ids = {fc.invoke(self.client, "hello", b"{}").headers["x-fc-request-id"] for _ in range(20)}
        self.assertEqual(len(ids), 20)

    def test_a_delay_is_kept(self):
        # A task, because its record says when it started.
        asked = time.time() * 1000
        fc.invoke(self.client, "tasks", b"{}", task="delayed", x_fc_async_delay="1")
        get = lambda: self.client.get_async_task("tasks", "delayed", fc.M.GetAsyncTaskRequest()).body
        record = c.until("the delayed task has run", lambda: (task := get()).status == "Succeeded" and task)
        self.assertGreaterEqual(record.started_time, asked + 1000)

    def test_a_delay_out_of_range_is_refused(self):
        status, code, message = c.refusal(lambda: fc.invoke(self.client, "hello", b"{}", x_fc_async_delay="3601"))
        self.assertEqual((status, code), (400, "InvalidArgument"))
        self.assertIn("3600", message)

    def test_a_synchronous_invocation_brings_the_result(self):
        response = fc.invoke(self.client, "hello", b'{"say":"hi"}', kind="Sync", log="Tail", qualifier="LATEST")
        self.assertEqual((response.status_code, response.body.read()), (200, b'{"say":"hi"}'))
        self.assertIn("x-fc-log-result", response.headers)

    def test_a_failed_function_is_a_result_with_an_error_type(self):
        response = fc.invoke(self.client, "hello", b'{"plan":["fail"]}', kind="Sync")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["x-fc-error-type"], "InvocationError")
        self.assertIn(b"errorMessage", response.body.read())

    def test_an_unknown_function_is_refused(self):
        for kind in ("Async", "Sync"):
            status, code, message = c.refusal(lambda: fc.invoke(self.client, "nobody", b"{}", kind=kind))
            self.assertEqual((status, code), (404, "FunctionNotFound"))
            self.assertIn("nobody", message)

    def test_a_payload_over_the_limit_is_refused(self):
        status, code, message = c.refusal(lambda: fc.invoke(self.client, "hello", b"x" * 131_073))
        self.assertEqual((status, code), (400, "EntityTooLarge"))
        self.assertIn("131072", message)

    def test_a_synchronous_payload_may_be_larger(self):
        payload = b"x" * 1_000_000
        response = fc.invoke(self.client, "hello", payload, kind="Sync")
        self.assertEqual(response.body.read(), payload)

"""Who may not: wrong secrets, unknown keys, temporary credentials, and keys that may only read."""

import unittest

import conformance as c
from fc20230330 import fc
from fc20230330.fc import M


class Strangers(unittest.TestCase):
    def test_each_stranger_is_told_what_is_wrong_and_nothing_else(self):
        for key, expected in c.STRANGERS.items():
            calls = (
                lambda: fc.invoke(fc.client(key), "hello", b"{}"),
                lambda: fc.client(key).list_functions(M.ListFunctionsRequest()),
            )
            for call in calls:
                with self.subTest(key=key):
                    status, code, message = c.refusal(call)
                    self.assertEqual((status, code), expected)
                    self.assertNotIn("x-acs", message)
                    self.assertNotIn(c.KEY.secret, message)

    def test_temporary_credentials_with_their_token_are_a_key_like_any_other(self):
        client = fc.client(c.STS)
        self.assertEqual(fc.invoke(client, "hello", b"hi", kind="Sync").body.read(), b"hi")
        body = client.list_functions(M.ListFunctionsRequest(prefix="hel")).body
        self.assertEqual([function.function_name for function in body.functions], ["hello"])

    def test_a_reader_reads_and_does_nothing_else(self):
        client = fc.client(c.READER)
        self.assertEqual(client.get_function("hello", M.GetFunctionRequest()).body.function_name, "hello")
        for call in (lambda: fc.invoke(client, "hello", b"{}"), lambda: fc.create(client, "mine")):
            self.assertEqual(c.refusal(call)[:2], (403, "AccessDenied"))

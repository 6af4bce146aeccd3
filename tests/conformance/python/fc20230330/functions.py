"""Create, get, list, update and delete of functions."""

import unittest

import conformance as c
from fc20230330 import fc
from fc20230330.fc import M

NAME = "made-by-client"


def get(client):
    return client.get_function(NAME, M.GetFunctionRequest()).body


class Functions(unittest.TestCase):
    def setUp(self):
        self.client = fc.client()

    def tearDown(self):
        fc.delete_if_there(self.client, NAME)

    def test_a_created_function_is_there_and_runs(self):
        answer = fc.create(self.client, NAME, timeout=30, description="of a test")
        self.assertIn(answer.status_code, (200, 201))
        for body in (answer.body, get(self.client)):
            self.assertEqual((body.function_name, body.function_arn), (NAME, c.arn(f"functions/{NAME}")))
            self.assertEqual((body.runtime, body.handler, body.timeout), ("custom", "index.handler", 30))
            self.assertEqual(body.description, "of a test")
        response = fc.invoke(self.client, NAME, b"hi", kind="Sync")
        self.assertEqual((response.status_code, response.body.read()), (200, b"hi"))

    def test_an_update_changes_what_it_names_and_keeps_the_rest(self):
        fc.create(self.client, NAME, timeout=30, description="of a test")
        body = M.UpdateFunctionInput(timeout=40)
        self.client.update_function(NAME, M.UpdateFunctionRequest(body=body))
        body = get(self.client)
        self.assertEqual((body.timeout, body.description), (40, "of a test"))

    def test_the_list_knows_functions_of_the_file_and_of_the_api(self):
        fc.create(self.client, NAME)
        body = self.client.list_functions(M.ListFunctionsRequest(limit=100)).body
        names = [function.function_name for function in body.functions]
        self.assertLessEqual({"audit", "hello", NAME, "tasks"}, set(names))
        body = self.client.list_functions(M.ListFunctionsRequest(prefix="made-")).body
        self.assertEqual([function.function_name for function in body.functions], [NAME])

    def test_a_name_in_use_is_a_conflict(self):
        fc.create(self.client, NAME)
        status, code, message = c.refusal(lambda: fc.create(self.client, NAME))
        self.assertEqual((status, code), (409, "FunctionAlreadyExists"))
        self.assertIn(NAME, message)

    def test_after_a_delete_it_is_gone(self):
        fc.create(self.client, NAME)
        self.assertEqual(self.client.delete_function(NAME).status_code, 204)
        for call in (lambda: get(self.client), lambda: fc.invoke(self.client, NAME, b"", kind="Sync")):
            status, code, message = c.refusal(call)
            self.assertEqual((status, code), (404, "FunctionNotFound"))
            self.assertIn(NAME, message)

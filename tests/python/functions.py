"""Create, get, list, update and delete of functions, with the official client."""

import unittest

import fc
from fc import M

NAME = "made-by-client"


def create(client, **fields):
    fields = {"environment_variables": {"INVOKED_TARGET_URL": fc.FUNCTION_URL}, **fields}
    body = M.CreateFunctionInput(function_name=NAME, runtime="custom", handler="index.handler", **fields)
    return client.create_function(M.CreateFunctionRequest(body=body))


def get(client):
    return client.get_function(NAME, M.GetFunctionRequest()).body


def delete(client):
    return client.delete_function(NAME)


class Functions(unittest.TestCase):
    def setUp(self):
        self.client = fc.client()

    def tearDown(self):
        try:
            delete(self.client)
        except fc.DaraException as error:
            self.assertEqual((error.status_code, error.code), (404, "FunctionNotFound"))

    def test_a_created_function_is_there_and_runs(self):
        answer = create(self.client, timeout=30, description="of a test")
        self.assertIn(answer.status_code, (200, 201))
        for body in (answer.body, get(self.client)):
            self.assertEqual((body.function_name, body.function_arn), (NAME, fc.arn(NAME)))
            self.assertEqual((body.runtime, body.handler, body.timeout), ("custom", "index.handler", 30))
            self.assertEqual(body.description, "of a test")
        response = fc.invoke(self.client, NAME, b"hi", kind="Sync")
        self.assertEqual((response.status_code, response.body.read()), (200, b"hi"))

    def test_an_update_changes_what_it_names_and_keeps_the_rest(self):
        create(self.client, timeout=30, description="of a test")
        body = M.UpdateFunctionInput(timeout=40)
        self.client.update_function(NAME, M.UpdateFunctionRequest(body=body))
        body = get(self.client)
        self.assertEqual((body.timeout, body.description), (40, "of a test"))

    def test_the_list_knows_functions_of_the_file_and_of_the_api(self):
        create(self.client)
        body = self.client.list_functions(M.ListFunctionsRequest(limit=100)).body
        names = [function.function_name for function in body.functions]
        self.assertEqual(sorted(names), ["audit", "hello", NAME, "tasks"])
        body = self.client.list_functions(M.ListFunctionsRequest(prefix="made-")).body
        self.assertEqual([function.function_name for function in body.functions], [NAME])

    def test_a_name_in_use_is_a_conflict(self):
        create(self.client)
        status, code, message = fc.refusal(lambda: create(self.client))
        self.assertEqual((status, code), (409, "FunctionAlreadyExists"))
        self.assertIn(NAME, message)

    def test_after_a_delete_it_is_gone(self):
        create(self.client)
        self.assertEqual(delete(self.client).status_code, 204)
        for call in (lambda: get(self.client), lambda: fc.invoke(self.client, NAME, b"", kind="Sync")):
            status, code, message = fc.refusal(call)
            self.assertEqual((status, code), (404, "FunctionNotFound"))
            self.assertIn(NAME, message)


if __name__ == "__main__":
    unittest.main()

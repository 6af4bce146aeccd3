"""Put, get, list and delete of async invoke configs, with the official client."""

import unittest

import fc
from fc import M


def put(client, **fields):
    request = M.PutAsyncInvokeConfigRequest(body=M.PutAsyncInvokeConfigInput(**fields))
    return client.put_async_invoke_config("hello", request)


def get(client, qualifier=None):
    return client.get_async_invoke_config("hello", M.GetAsyncInvokeConfigRequest(qualifier=qualifier)).body


def delete(client):
    return client.delete_async_invoke_config("hello", M.DeleteAsyncInvokeConfigRequest())


def destinations(success=None, failure=None):
    return M.DestinationConfig(
        on_success=M.Destination(destination=success) if success else None,
        on_failure=M.Destination(destination=failure) if failure else None,
    )


class AsyncInvokeConfigs(unittest.TestCase):
    def setUp(self):
        self.client = fc.client()

    def tearDown(self):
        try:
            delete(self.client)
        except fc.DaraException as error:
            self.assertEqual((error.status_code, error.code), (404, "AsyncConfigNotExists"))

    def test_what_was_put_is_got_back(self):
        wanted = dict(max_async_event_age_in_seconds=3600, max_async_retry_attempts=2, async_task=True)
        answer = put(self.client, destination_config=destinations(success=fc.arn("audit")), **wanted)
        self.assertEqual(answer.status_code, 200)
        for body in (answer.body, get(self.client)):
            for field, value in wanted.items():
                self.assertEqual(getattr(body, field), value, field)
            self.assertEqual(body.destination_config.on_success.destination, fc.arn("audit"))
            self.assertIn(getattr(body.destination_config.on_failure, "destination", None), (None, ""))
            self.assertEqual(body.function_arn, fc.arn("hello"))
            self.assertRegex(body.created_time, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertRegex(body.last_modified_time, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_no_qualifier_and_LATEST_are_the_same_config(self):
        put(self.client, max_async_retry_attempts=5)
        self.assertEqual(get(self.client, "LATEST").max_async_retry_attempts, 5)

    def test_a_second_put_keeps_what_it_does_not_name(self):
        put(self.client, max_async_retry_attempts=5, max_async_event_age_in_seconds=100)
        put(self.client, max_async_retry_attempts=6)
        body = get(self.client)
        self.assertEqual((body.max_async_retry_attempts, body.max_async_event_age_in_seconds), (6, 100))

    def test_the_list_shows_it_under_its_function(self):
        put(self.client, max_async_retry_attempts=5)
        request = M.ListAsyncInvokeConfigsRequest(function_name="hello", limit=10)
        body = self.client.list_async_invoke_configs(request).body
        self.assertEqual([config.function_arn for config in body.configs], [fc.arn("hello")])
        self.assertEqual(body.next_token, "")

    def test_the_list_goes_on_page_by_page(self):
        put(self.client, max_async_retry_attempts=5)
        seen, token = [], None
        while token != "":
            request = M.ListAsyncInvokeConfigsRequest(limit=1, next_token=token)
            body = self.client.list_async_invoke_configs(request).body
            seen += [config.function_arn for config in body.configs]
            token = body.next_token
        self.assertEqual(sorted(seen), [fc.arn("hello"), fc.arn("tasks")])

    def test_after_a_delete_it_is_gone(self):
        put(self.client, max_async_retry_attempts=5)
        self.assertEqual(delete(self.client).status_code, 204)
        status, code, message = fc.refusal(lambda: get(self.client))
        self.assertEqual((status, code), (404, "AsyncConfigNotExists"))
        self.assertIn("hello", message)

    def test_out_of_range_is_refused_with_field_and_limit(self):
        status, code, message = fc.refusal(lambda: put(self.client, max_async_retry_attempts=9))
        self.assertEqual((status, code), (400, "InvalidArgument"))
        self.assertIn("maxAsyncRetryAttempts", message)
        self.assertIn("8", message)

    def test_a_config_of_an_unknown_function_is_refused(self):
        request = M.PutAsyncInvokeConfigRequest(body=M.PutAsyncInvokeConfigInput(max_async_retry_attempts=1))
        status, code, _ = fc.refusal(lambda: self.client.put_async_invoke_config("nobody", request))
        self.assertEqual((status, code), (404, "FunctionNotFound"))


if __name__ == "__main__":
    unittest.main()

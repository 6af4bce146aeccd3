"""Put, get, list and delete of async invoke configs."""

import unittest

import conformance as c
from fc20230330 import fc
from fc20230330.fc import M


def put(client, qualifier=None, **fields):
    body = M.PutAsyncInvokeConfigInput(**fields)
    return client.put_async_invoke_config("hello", M.PutAsyncInvokeConfigRequest(body=body, qualifier=qualifier))


def get(client, qualifier=None):
    return client.get_async_invoke_config("hello", M.GetAsyncInvokeConfigRequest(qualifier=qualifier)).body


def delete(client, qualifier=None):
    return client.delete_async_invoke_config("hello", M.DeleteAsyncInvokeConfigRequest(qualifier=qualifier))


def destinations(success=None, failure=None):
    return M.DestinationConfig(
        on_success=M.Destination(destination=success) if success else None,
        on_failure=M.Destination(destination=failure) if failure else None,
    )


class AsyncInvokeConfigs(unittest.TestCase):
    def setUp(self):
        self.client = fc.client()

    def tearDown(self):
        for qualifier in (None, "other"):
            try:
                delete(self.client, qualifier)
            except fc.DaraException as error:
                self.assertEqual((error.status_code, error.code), (404, "AsyncConfigNotExists"))

    def test_what_was_put_is_got_back(self):
        wanted = dict(max_async_event_age_in_seconds=3600, max_async_retry_attempts=2, async_task=True)
        audit = c.arn("functions/audit")
        answer = put(self.client, destination_config=destinations(success=audit), **wanted)
        self.assertEqual(answer.status_code, 200)
        for body in (answer.body, get(self.client)):
            for field, value in wanted.items():
                self.assertEqual(getattr(body, field), value, field)
            self.assertEqual(body.destination_config.on_success.destination, audit)
            self.assertIn(getattr(body.destination_config.on_failure, "destination", None), (None, ""))
            self.assertEqual(body.function_arn, c.arn("functions/hello"))
            self.assertRegex(body.created_time, c.METADATA_TIME)
            self.assertRegex(body.last_modified_time, c.METADATA_TIME)

    def test_zero_retries_are_zero(self):
        put(self.client, max_async_retry_attempts=0)
        self.assertEqual(get(self.client).max_async_retry_attempts, 0)

    def test_no_qualifier_and_LATEST_are_the_same_config(self):
        put(self.client, max_async_retry_attempts=5)
        self.assertEqual(get(self.client, "LATEST").max_async_retry_attempts, 5)

    def test_another_qualifier_is_another_config(self):
        put(self.client, max_async_retry_attempts=5)
        put(self.client, "other", max_async_retry_attempts=6)
        self.assertEqual(get(self.client).max_async_retry_attempts, 5)
        self.assertEqual(get(self.client, "other").max_async_retry_attempts, 6)

    def test_a_second_put_keeps_what_it_does_not_name(self):
        put(self.client, max_async_retry_attempts=5, max_async_event_age_in_seconds=100)
        put(self.client, max_async_retry_attempts=6)
        body = get(self.client)
        self.assertEqual((body.max_async_retry_attempts, body.max_async_event_age_in_seconds), (6, 100))

    def test_the_list_shows_it_under_its_function(self):
        put(self.client, max_async_retry_attempts=5)
        request = M.ListAsyncInvokeConfigsRequest(function_name="hello", limit=10)
        body = self.client.list_async_invoke_configs(request).body
        self.assertEqual([config.function_arn for config in body.configs], [c.arn("functions/hello")])
        self.assertEqual(body.next_token, "")

    def test_the_list_goes_on_page_by_page(self):
        put(self.client, max_async_retry_attempts=5)

        def page(token):
            request = M.ListAsyncInvokeConfigsRequest(limit=1, next_token=token)
            body = self.client.list_async_invoke_configs(request).body
            return [config.function_arn for config in body.configs], body.next_token

        seen = c.pages(page)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual({c.arn("functions/hello"), c.arn("functions/tasks")}, set(seen))

    def test_after_a_delete_it_is_gone(self):
        put(self.client, max_async_retry_attempts=5)
        self.assertEqual(delete(self.client).status_code, 204)
        status, code, message = c.refusal(lambda: get(self.client))
        self.assertEqual((status, code), (404, "AsyncConfigNotExists"))
        self.assertIn("hello", message)

    def test_out_of_range_is_refused_with_field_and_limit(self):
        status, code, message = c.refusal(lambda: put(self.client, max_async_retry_attempts=9))
        self.assertEqual((status, code), (400, "InvalidArgument"))
        self.assertIn("maxAsyncRetryAttempts", message)
        self.assertIn("8", message)

    def test_a_destination_of_another_account_is_refused(self):
        theirs = destinations(failure=f"acs:fc:{c.REGION}:999:functions/audit")
        status, code, _ = c.refusal(lambda: put(self.client, destination_config=theirs))
        self.assertEqual((status, code), (400, "InvalidDestinationResources"))

    def test_a_config_of_an_unknown_function_is_refused(self):
        request = M.PutAsyncInvokeConfigRequest(body=M.PutAsyncInvokeConfigInput(max_async_retry_attempts=1))
        status, code, _ = c.refusal(lambda: self.client.put_async_invoke_config("nobody", request))
        self.assertEqual((status, code), (404, "FunctionNotFound"))

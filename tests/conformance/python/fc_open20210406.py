"""The scenario of the official client alibabacloud-fc-open20210406: `python -m fc_open20210406`.

The daemon's file has the service `svc` with the functions `hello`, `tasks` (in task mode), `audit` and `web` (HTTP).
"""

import sys
import time
import unittest

from alibabacloud_fc_open20210406 import models as M
from alibabacloud_fc_open20210406.client import Client
from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_util.models import RuntimeOptions
from darabonba.exceptions import DaraException

import conformance as c

COVERED = c.Covered("alibabacloud-fc-open20210406", "2021-04-06")
SERVICE, FUNCTION = "made-by-client", "made"

NOT_SERVED = """
claim_gpuinstance create_custom_domain create_layer_version create_trigger create_vpc_binding delete_custom_domain
delete_function_on_demand_config delete_layer_version delete_trigger delete_vpc_binding deregister_event_source
get_custom_domain get_layer_version get_provision_config list_event_sources list_instances list_layer_versions
list_vpc_bindings put_function_on_demand_config put_provision_config register_event_source release_gpuinstance
update_custom_domain update_trigger
""".split()

EMPTY = """
list_custom_domains list_layers list_on_demand_configs list_provision_configs list_reserved_capacities
""".split()

c.trust()  # The HTTP trigger calls of this client take no option.


def client(key: c.Key = c.KEY) -> c.TeaCalls:
    config = openapi.Config(
        access_key_id=key.id,
        access_key_secret=key.secret,
        security_token=key.token,
        endpoint=c.HOST,
        protocol=c.SCHEME,
        region_id=c.REGION,
    )
    return c.TeaCalls(Client(config), COVERED, RuntimeOptions(ca=c.CA), DaraException)


def invoke(calls, function, payload, kind="Async", service="svc", qualifier=None, common=None, **headers):
    return calls.invoke_function(
        service,
        function,
        M.InvokeFunctionRequest(body=payload, qualifier=qualifier),
        headers=M.InvokeFunctionHeaders(x_fc_invocation_type=kind, common_headers=common or {}, **headers),
    )


def create_service(calls, **fields):
    return calls.create_service(M.CreateServiceRequest(service_name=SERVICE, **fields))


def create_function(calls, service=SERVICE, **fields):
    fields = {"environment_variables": c.TARGET, **fields}
    request = M.CreateFunctionRequest(function_name=FUNCTION, runtime="custom", handler="index.handler", **fields)
    return calls.create_function(service, request)


def remove(calls):
    """The service with what is in it, if it is there."""
    try:
        for alias in calls.list_aliases(SERVICE, M.ListAliasesRequest()).body.aliases:
            calls.delete_alias(SERVICE, alias.alias_name)
        for version in calls.list_service_versions(SERVICE, M.ListServiceVersionsRequest()).body.versions:
            calls.delete_service_version(SERVICE, version.version_id)
        for function in calls.list_functions(SERVICE, M.ListFunctionsRequest()).body.functions:
            calls.delete_function(SERVICE, function.function_name)
        calls.delete_service(SERVICE)
    except DaraException as error:
        if (error.status_code, error.code) != (404, "ServiceNotFound"):
            raise


class Scenario(unittest.TestCase):
    def setUp(self):
        self.client = client()

    def refused(self, expected, call):
        status, code, message = c.refusal(call)
        self.assertEqual((status, code), expected)
        return message


class Services(Scenario):
    def tearDown(self):
        remove(self.client)

    def get(self):
        return self.client.get_service(SERVICE, M.GetServiceRequest()).body

    def test_a_service_is_created_shown_changed_listed_and_deleted(self):
        for body in (create_service(self.client, description="of a test").body, self.get()):
            self.assertEqual((body.service_name, body.description), (SERVICE, "of a test"))
            self.assertRegex(body.created_time, c.METADATA_TIME)
        self.refused((409, "ServiceAlreadyExists"), lambda: create_service(self.client))
        self.client.update_service(SERVICE, M.UpdateServiceRequest(description="changed"))
        self.assertEqual(self.get().description, "changed")

        def page(token):
            body = self.client.list_services(M.ListServicesRequest(limit=1, next_token=token)).body
            return [service.service_name for service in body.services], body.next_token

        self.assertEqual(sorted(c.pages(page)), [SERVICE, "svc"])
        self.assertEqual(self.client.delete_service(SERVICE).status_code, 204)
        self.assertIn(SERVICE, self.refused((404, "ServiceNotFound"), self.get))

    def test_a_function_of_a_service_is_created_runs_and_is_deleted(self):
        create_service(self.client)
        get = lambda: self.client.get_function(SERVICE, FUNCTION, M.GetFunctionRequest()).body
        for body in (create_function(self.client, timeout=30).body, get()):
            self.assertEqual((body.function_name, body.runtime, body.timeout), (FUNCTION, "custom", 30))
        self.refused((409, "FunctionAlreadyExists"), lambda: create_function(self.client))
        self.client.update_function(SERVICE, FUNCTION, M.UpdateFunctionRequest(description="changed"))
        self.assertEqual((get().timeout, get().description), (30, "changed"))
        listed = self.client.list_functions(SERVICE, M.ListFunctionsRequest(prefix="ma", limit=10)).body
        self.assertEqual(([one.function_name for one in listed.functions], listed.next_token), ([FUNCTION], ""))
        code = self.client.get_function_code(SERVICE, FUNCTION, M.GetFunctionCodeRequest()).body
        self.assertEqual((type(code.url), type(code.checksum)), (str, str))
        triggers = self.client.list_triggers(SERVICE, FUNCTION, M.ListTriggersRequest()).body
        self.assertEqual((triggers.triggers, triggers.next_token), ([], ""))
        self.refused((404, "TriggerNotFound"), lambda: self.client.get_trigger(SERVICE, FUNCTION, "x"))
        answer = invoke(self.client, FUNCTION, b"hi", kind="Sync", service=SERVICE)
        self.assertEqual(answer.body, b"hi")
        self.assertEqual(self.client.delete_function(SERVICE, FUNCTION).status_code, 204)
        message = self.refused((404, "FunctionNotFound"), get)
        self.assertIn(FUNCTION, message)
        self.assertNotIn("$", message)

    def test_without_the_service_it_is_the_service_that_is_missing(self):
        for call in (
            lambda: create_function(self.client, service="nobody"),
            lambda: invoke(self.client, "hello", b"{}", service="nobody"),
        ):
            self.assertIn("nobody", self.refused((404, "ServiceNotFound"), call))

    def test_versions_and_aliases_belong_to_the_service(self):
        create_service(self.client)
        create_function(self.client)
        publish = lambda text: self.client.publish_service_version(SERVICE, M.PublishServiceVersionRequest(text)).body
        self.assertEqual([publish("first").version_id, publish("second").version_id], ["1", "2"])
        listed = self.client.list_service_versions(SERVICE, M.ListServiceVersionsRequest(limit=10)).body
        shown = {version.version_id: version.description for version in listed.versions}
        self.assertEqual(shown, {"1": "first", "2": "second"})

        request = M.CreateAliasRequest(alias_name="prod", version_id="1")
        create = lambda: self.client.create_alias(SERVICE, request).body
        get = lambda: self.client.get_alias(SERVICE, "prod").body
        for alias in (create(), get()):
            self.assertEqual((alias.alias_name, alias.version_id), ("prod", "1"))
        self.refused((409, "AliasAlreadyExists"), create)
        self.client.update_alias(SERVICE, "prod", M.UpdateAliasRequest(version_id="2", description="changed"))
        self.assertEqual((get().version_id, get().description), ("2", "changed"))
        listed = self.client.list_aliases(SERVICE, M.ListAliasesRequest(prefix="pr")).body
        self.assertEqual([alias.alias_name for alias in listed.aliases], ["prod"])
        answer = invoke(self.client, FUNCTION, b"hi", kind="Sync", service=SERVICE, qualifier="prod")
        self.assertEqual(answer.body, b"hi")
        self.assertEqual(self.client.delete_alias(SERVICE, "prod").status_code, 204)
        self.refused((404, "AliasNotFound"), get)
        self.assertEqual(self.client.delete_service_version(SERVICE, "1").status_code, 204)

    def test_tags_are_kept_by_resource(self):
        create_service(self.client)
        mine = c.arn(f"services/{SERVICE}")
        get = lambda: self.client.get_resource_tags(M.GetResourceTagsRequest(mine)).body
        self.client.tag_resource(M.TagResourceRequest(resource_arn=mine, tags={"team": "night", "cost": "low"}))
        self.assertEqual((get().resource_arn, get().tags), (mine, {"team": "night", "cost": "low"}))
        tagged = self.client.list_tagged_resources(M.ListTaggedResourcesRequest(limit=10)).body
        self.assertEqual([resource.resource_arn for resource in tagged.resources], [mine])
        self.client.untag_resource(M.UntagResourceRequest(resource_arn=mine, tag_keys=["cost"]))
        self.assertEqual(get().tags, {"team": "night"})
        self.client.untag_resource(M.UntagResourceRequest(resource_arn=mine, all=True))
        self.assertEqual(get().tags, {})

    def test_the_account_has_settings(self):
        self.assertIsInstance(self.client.get_account_settings().body.available_azs, list)


class Configs(Scenario):
    def put(self, qualifier=None, function="hello", **fields):
        request = M.PutFunctionAsyncInvokeConfigRequest(qualifier=qualifier, **fields)
        return self.client.put_function_async_invoke_config("svc", function, request)

    def get(self, qualifier=None):
        request = M.GetFunctionAsyncInvokeConfigRequest(qualifier=qualifier)
        return self.client.get_function_async_invoke_config("svc", "hello", request).body

    def delete(self, qualifier=None):
        request = M.DeleteFunctionAsyncInvokeConfigRequest(qualifier=qualifier)
        return self.client.delete_function_async_invoke_config("svc", "hello", request)

    def tearDown(self):
        for qualifier in (None, "other"):
            try:
                self.delete(qualifier)
            except DaraException as error:
                self.assertEqual((error.status_code, error.code), (404, "AsyncConfigNotExists"))

    def test_what_was_put_is_got_back_under_service_function_and_qualifier(self):
        audit = c.arn("services/svc.LATEST/functions/audit")
        wanted = dict(max_async_event_age_in_seconds=3600, max_async_retry_attempts=0, stateful_invocation=True)
        to = M.DestinationConfig(on_failure=M.Destination(destination=audit))
        for body in (self.put(destination_config=to, **wanted).body, self.get(), self.get("LATEST")):
            for field, value in wanted.items():
                self.assertEqual(getattr(body, field), value, field)
            self.assertEqual((body.service, body.function, body.qualifier), ("svc", "hello", "LATEST"))
            self.assertEqual(body.destination_config.on_failure.destination, audit)
            self.assertRegex(body.created_time, c.METADATA_TIME)

    def test_a_second_put_keeps_what_it_does_not_name(self):
        self.put(max_async_retry_attempts=5)
        self.put(max_async_event_age_in_seconds=100)
        self.assertEqual((self.get().max_async_retry_attempts, self.get().max_async_event_age_in_seconds), (5, 100))

    def test_the_list_shows_all_qualifiers_page_by_page(self):
        self.put(max_async_retry_attempts=5)
        self.put("other", max_async_retry_attempts=6)

        def page(token):
            request = M.ListFunctionAsyncInvokeConfigsRequest(limit=1, next_token=token)
            body = self.client.list_function_async_invoke_configs("svc", "hello", request).body
            return [config.qualifier for config in body.configs], body.next_token

        self.assertEqual(sorted(c.pages(page)), ["LATEST", "other"])

    def test_what_is_missing_or_out_of_range_is_refused(self):
        self.refused((404, "AsyncConfigNotExists"), self.get)
        self.refused((404, "FunctionNotFound"), lambda: self.put(function="nobody", max_async_retry_attempts=1))
        message = self.refused((400, "InvalidArgument"), lambda: self.put(max_async_retry_attempts=9))
        self.assertIn("maxAsyncRetryAttempts", message)
        self.put(max_async_retry_attempts=1)
        self.assertEqual(self.delete().status_code, 204)
        self.refused((404, "AsyncConfigNotExists"), self.get)


class Invocations(Scenario):
    def submit(self, task, payload=b"{}", function="tasks", **headers):
        return invoke(self.client, function, payload, x_fc_stateful_async_invocation_id=task, **headers)

    def get(self, task, function="tasks"):
        request = M.GetStatefulAsyncInvocationRequest()
        return self.client.get_stateful_async_invocation("svc", function, task, request).body

    def list(self, **filters):
        request = M.ListStatefulAsyncInvocationsRequest(**filters)
        return self.client.list_stateful_async_invocations("svc", "tasks", request).body

    def stop(self, task):
        request = M.StopStatefulAsyncInvocationRequest()
        return self.client.stop_stateful_async_invocation("svc", "tasks", task, request)

    def ended(self, task, **where):
        return c.until(f"{task} ends", lambda: (one := self.get(task, **where)).status in c.TERMINAL and one)

    def test_an_invocation_is_accepted_or_answered(self):
        answer = invoke(self.client, "hello", b"{}")
        self.assertEqual((answer.status_code, answer.body), (202, b""))
        self.assertTrue(answer.headers["x-fc-request-id"])
        answer = invoke(self.client, "hello", b"hi", kind="Sync", x_fc_log_type="Tail")
        self.assertEqual((answer.status_code, answer.body), (200, b"hi"))
        self.assertIn("x-fc-log-result", answer.headers)
        failed = invoke(self.client, "hello", b'{"plan":["fail"]}', kind="Sync")
        self.assertEqual((failed.status_code, failed.headers["x-fc-error-type"]), (200, "InvocationError"))
        self.assertIn(b"errorMessage", failed.body)

    def test_the_record_tells_the_whole_story(self):
        asked = time.time() * 1000
        answer = self.submit("story", b'{"plan":["fail","ok"]}', common={"x-fc-async-delay": "1"})
        self.assertEqual(answer.headers["x-fc-stateful-async-invocation-id"], "story")
        self.assertEqual(self.get("story").end_time, 0)
        record = self.ended("story")
        self.assertEqual((record.invocation_id, record.service_name, record.function_name), ("story", "svc", "tasks"))
        self.assertEqual(record.request_id, answer.headers["x-fc-request-id"])
        self.assertEqual((record.status, record.already_retried_times), ("Succeeded", 1))
        self.assertEqual(record.invocation_payload, '{"plan":["fail","ok"]}')
        self.assertEqual(record.return_payload, '{"plan":["fail","ok"]}')
        self.assertGreaterEqual(record.started_time, asked + 1000)
        statuses = [event.status for event in record.events]
        self.assertEqual((statuses[0], statuses[-1]), ("Enqueued", "Succeeded"))

    def test_one_request_can_ask_for_a_task(self):
        self.submit("asked", function="hello", x_fc_stateful_async_invocation_enable=True)
        self.assertEqual(self.ended("asked", function="hello").status, "Succeeded")

    def test_an_id_used_twice_is_a_conflict(self):
        self.submit("once")
        message = self.refused((409, "StatefulAsyncInvocationAlreadyExists"), lambda: self.submit("once"))
        self.assertIn("once", message)

    def test_the_list_keeps_to_every_filter(self):
        for task in ("list-1", "list-2"):
            self.submit(task)
            self.ended(task)
        ids = lambda **filters: [
            record.invocation_id for record in self.list(invocation_id_prefix="list-", **filters).invocations
        ]
        c.until("the list has caught up", lambda: len(ids(status="Succeeded")) == 2)
        self.assertEqual(ids(sort_order_by_time="asc"), ["list-1", "list-2"])
        self.assertEqual(ids(sort_order_by_time="desc"), ["list-2", "list-1"])
        self.assertEqual((ids(status="Failed"), ids(qualifier="other")), ([], []))
        second = self.get("list-2").started_time
        self.assertEqual(ids(started_time_begin=second + 60_000), [])
        self.assertEqual(ids(started_time_end=1), [])

        def page(token):
            body = self.list(invocation_id_prefix="list-", limit=1, next_token=token)
            return [record.invocation_id for record in body.invocations], body.next_token

        self.assertEqual(sorted(c.pages(page)), ["list-1", "list-2"])
        shown = self.list(invocation_id_prefix="list-", include_payload=True).invocations
        self.assertEqual({record.invocation_payload for record in shown}, {"{}"})

    def test_a_task_is_stopped_once(self):
        self.submit("endless", b'{"plan":["slow:30000"]}')
        c.until("it runs", lambda: self.get("endless").status == "Running")
        self.assertIn(self.stop("endless").status_code, (200, 204))
        self.assertEqual(self.ended("endless").status, "Stopped")
        self.refused((400, "InvalidArgument"), lambda: self.stop("endless"))
        for call in (self.get, self.stop):
            self.refused((404, "StatefulAsyncInvocationNotFound"), lambda: call("nobody"))

    def test_functions_in_task_mode_are_listed(self):
        request = M.ListStatefulAsyncInvocationFunctionsRequest(limit=10)
        body = self.client.list_stateful_async_invocation_functions(request).body
        listed = [(one.service_name, one.function_name, one.qualifier) for one in body.data]
        self.assertIn(("svc", "tasks", "LATEST"), listed)
        self.assertNotIn("hello", [function for _, function, _ in listed])


class HttpTrigger(Scenario):
    def call(self, key=c.KEY, version="2021-04-06", **headers):
        # This client signs the query in the order in which it stands here.
        url = f"{c.ENDPOINT}/{version}/proxy/svc/web/a%20b?q=1%202&a=x&a=y"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = client(key)._client.invoke_httptrigger(url, "POST", b"hi", named)
        if answer.ok:
            COVERED.ends["InvokeHTTPTrigger"] = "ok"
        return answer

    def test_a_request_goes_through_and_its_answer_comes_back(self):
        for version in ("2021-04-06", "2016-08-15"):
            answer = self.call(version=version)
            self.assertEqual((answer.status_code, answer.content), (200, b"hi"))
            self.assertTrue(answer.headers["x-fc-request-id"])

    def test_it_can_be_asynchronous(self):
        answer = self.call(x_fc_invocation_type="Async")
        self.assertEqual((answer.status_code, answer.content), (202, b""))

    def test_a_wrong_secret_is_refused(self):
        answer = self.call(key=c.WRONG_SECRET)
        self.assertEqual((answer.status_code, answer.json()["ErrorCode"]), (403, "SignatureNotMatch"))

    def test_temporary_credentials(self):
        self.assertEqual(self.call(key=c.STS).content, b"hi")


class Strangers(Scenario):
    def test_each_stranger_is_told_what_is_wrong(self):
        for key, expected in c.STRANGERS.items():
            for call in (
                lambda: invoke(client(key), "hello", b"{}"),
                lambda: client(key).list_services(M.ListServicesRequest()),
            ):
                with self.subTest(key=key):
                    self.assertNotIn("x-acs", self.refused(expected, call))

    def test_temporary_credentials_with_their_token_are_a_key_like_any_other(self):
        self.assertEqual(invoke(client(c.STS), "hello", b"hi", kind="Sync").body, b"hi")

    def test_a_reader_reads_and_does_nothing_else(self):
        reader = client(c.READER)
        self.assertEqual(reader.get_service("svc", M.GetServiceRequest()).body.service_name, "svc")
        self.refused((403, "AccessDenied"), lambda: create_service(reader))
        self.refused((403, "AccessDenied"), lambda: invoke(reader, "hello", b"{}"))


class Rest(Scenario):
    def test_lists_of_what_is_not_here_are_empty(self):
        for method in EMPTY:
            with self.subTest(method=method):
                self.assertTrue(c.is_empty_list(c.call_with_nothing(self.client, method).body.to_map()))
        get = lambda: c.call_with_nothing(self.client, "get_function_on_demand_config")
        self.refused((404, "OnDemandConfigNotFound"), get)

    def test_what_is_not_served_is_refused_as_such(self):
        for method in NOT_SERVED:
            with self.subTest(method=method):
                self.refused((400, "PathNotSupported"), lambda: c.call_with_nothing(self.client, method))


if __name__ == "__main__":
    c.main(COVERED, [sys.modules["__main__"]], c.tea_operations(client()._client))

"""The scenario of the official client aliyun-fc2: `python -m aliyun_fc2`.

The daemon's file has the service `svc` with the functions `hello`, `tasks` (in task mode), `audit` and `web` (HTTP).
The client has no operations for tasks, and trusts what REQUESTS_CA_BUNDLE names.
"""

import sys
import unittest

import fc2
from fc2.fc_exceptions import FcError

import conformance as c

COVERED = c.Covered("aliyun-fc2", "2016-08-15")
SERVICE, FUNCTION = "made-by-client", "made"

# The methods whose operation has another name than theirs.
OPERATIONS = {
    "do_http_request": "InvokeHTTPTrigger",
    "publish_version": "PublishServiceVersion",
    "list_versions": "ListServiceVersions",
    "delete_version": "DeleteServiceVersion",
    "put_on_demand_config": "PutFunctionOnDemandConfig",
    "get_on_demand_config": "GetFunctionOnDemandConfig",
    "delete_on_demand_config": "DeleteFunctionOnDemandConfig",
    "list_on_demand_config": "ListOnDemandConfigs",
}

# They open a WebSocket to an instance; nothing here has one.
WITHOUT_HTTP = {"websocket", "instance_exec"}

NOT_SERVED = dict(
    create_trigger=("svc", "hello", "x", "oss", {}, "arn", "role"),
    delete_trigger=("svc", "hello", "x"),
    update_trigger=("svc", "hello", "x"),
    create_custom_domain=("x",),
    delete_custom_domain=("x",),
    update_custom_domain=("x",),
    get_custom_domain=("x",),
    put_on_demand_config=("svc", "prod", "hello", 1),
    delete_on_demand_config=("svc", "prod", "hello"),
    put_provision_config=("svc", "prod", "hello", 1),
    get_provision_config=("svc", "prod", "hello"),
    list_instances=("svc", "prod", "hello"),
)

EMPTY = dict(
    list_custom_domains=(),
    list_reserved_capacities=(),
    list_on_demand_config=(),
    list_provision_configs=("svc", "prod"),
)


def operation_of(method: str) -> str:
    return OPERATIONS.get(method) or "".join(map(str.capitalize, method.split("_")))


def operations() -> set[str]:
    methods = {name for name in vars(fc2.Client) if not name.startswith("_")} - WITHOUT_HTTP
    return set(map(operation_of, methods))


class Calls:
    """A client whose every operation is watched."""

    def __init__(self, key: c.Key = c.KEY):
        self._client = fc2.Client(
            endpoint=c.ENDPOINT, accessKeyID=key.id, accessKeySecret=key.secret, securityToken=key.token or ""
        )

    def __getattr__(self, method: str):
        code = lambda error: error.err_code if isinstance(error, FcError) else None
        return COVERED.watch(operation_of(method), getattr(self._client, method), code)


def create_function(client, service=SERVICE, **fields):
    fields = {"environmentVariables": c.TARGET, "codeOSSBucket": "bucket", "codeOSSObject": "object", **fields}
    return client.create_function(service, FUNCTION, "custom", "index.handler", **fields)


def remove(client):
    """The service with what is in it, if it is there."""
    try:
        for alias in client.list_aliases(SERVICE).data["aliases"]:
            client.delete_alias(SERVICE, alias["aliasName"])
        for version in client.list_versions(SERVICE).data["versions"]:
            client.delete_version(SERVICE, version["versionId"])
        for function in client.list_functions(SERVICE).data["functions"]:
            client.delete_function(SERVICE, function["functionName"])
        client.delete_service(SERVICE)
    except FcError as error:
        if (error.status_code, error.err_code) != (404, "ServiceNotFound"):
            raise


class Scenario(unittest.TestCase):
    def setUp(self):
        self.client = Calls()

    def refused(self, expected, call):
        status, code, message = c.refusal(call)
        self.assertEqual((status, code), expected)
        return message


class Services(Scenario):
    def tearDown(self):
        remove(self.client)

    def test_a_service_is_created_shown_changed_listed_and_deleted(self):
        create = lambda: self.client.create_service(SERVICE, description="of a test").data
        get = lambda **when: self.client.get_service(SERVICE, **when)
        for data in (create(), get().data):
            self.assertEqual((data["serviceName"], data["description"]), (SERVICE, "of a test"))
            self.assertRegex(data["lastModifiedTime"], c.METADATA_TIME)
        self.refused((409, "ServiceAlreadyExists"), create)
        etag = get().headers["etag"]
        self.client.update_service(SERVICE, description="changed", headers={"if-match": etag})
        self.assertEqual(get().data["description"], "changed")
        stale = lambda: self.client.update_service(SERVICE, description="again", headers={"if-match": etag})
        self.refused((412, "PreconditionFailed"), stale)

        def page(token):
            data = self.client.list_services(limit=1, nextToken=token).data
            return [service["serviceName"] for service in data["services"]], data["nextToken"]

        self.assertEqual(sorted(c.pages(page)), [SERVICE, "svc"])
        self.client.delete_service(SERVICE)
        self.assertIn(SERVICE, self.refused((404, "ServiceNotFound"), get))

    def test_a_function_of_a_service_is_created_runs_and_is_deleted(self):
        self.client.create_service(SERVICE)
        get = lambda: self.client.get_function(SERVICE, FUNCTION).data
        for data in (create_function(self.client, timeout=30).data, get()):
            self.assertEqual((data["functionName"], data["runtime"], data["timeout"]), (FUNCTION, "custom", 30))
        self.refused((409, "FunctionAlreadyExists"), lambda: create_function(self.client))
        self.client.update_function(SERVICE, FUNCTION, description="changed", codeOSSBucket="b", codeOSSObject="o")
        self.assertEqual((get()["timeout"], get()["description"]), (30, "changed"))
        listed = self.client.list_functions(SERVICE, prefix="ma", limit=10).data
        self.assertEqual(([one["functionName"] for one in listed["functions"]], listed["nextToken"]), ([FUNCTION], ""))
        code = self.client.get_function_code(SERVICE, FUNCTION).data
        self.assertEqual((type(code["url"]), type(code["checksum"])), (str, str))
        triggers = self.client.list_triggers(SERVICE, FUNCTION).data
        self.assertEqual((triggers["triggers"], triggers["nextToken"]), ([], ""))
        self.refused((404, "TriggerNotFound"), lambda: self.client.get_trigger(SERVICE, FUNCTION, "x"))
        self.assertEqual(self.client.invoke_function(SERVICE, FUNCTION, b"hi").data, b"hi")
        self.client.delete_function(SERVICE, FUNCTION)
        self.assertIn(FUNCTION, self.refused((404, "FunctionNotFound"), get))

    def test_versions_and_aliases_belong_to_the_service(self):
        self.client.create_service(SERVICE)
        create_function(self.client)
        published = [self.client.publish_version(SERVICE, text).data["versionId"] for text in ("first", "second")]
        self.assertEqual(published, ["1", "2"])
        listed = self.client.list_versions(SERVICE, limit=10).data
        self.assertEqual({version["description"] for version in listed["versions"]}, {"first", "second"})

        create = lambda: self.client.create_alias(SERVICE, "prod", "1", description="of a test").data
        get = lambda: self.client.get_alias(SERVICE, "prod").data
        for alias in (create(), get()):
            self.assertEqual((alias["aliasName"], alias["versionId"]), ("prod", "1"))
        self.refused((409, "AliasAlreadyExists"), create)
        self.client.update_alias(SERVICE, "prod", "2", additionalVersionWeight={"1": 0.25})
        self.assertEqual((get()["versionId"], get()["additionalVersionWeight"]), ("2", {"1": 0.25}))
        listed = self.client.list_aliases(SERVICE, prefix="pr").data
        self.assertEqual([alias["aliasName"] for alias in listed["aliases"]], ["prod"])
        self.assertEqual(self.client.invoke_function(SERVICE, FUNCTION, b"hi", qualifier="prod").data, b"hi")
        self.client.delete_alias(SERVICE, "prod")
        self.refused((404, "AliasNotFound"), get)
        self.client.delete_version(SERVICE, "1")
        left = self.client.list_versions(SERVICE).data["versions"]
        self.assertEqual([version["versionId"] for version in left], ["2"])

    def test_tags_are_kept_by_resource(self):
        self.client.create_service(SERVICE)
        mine = c.arn(f"services/{SERVICE}")
        get = lambda: self.client.get_resource_tags(mine).data
        self.client.tag_resource(mine, {"team": "night", "cost": "low"})
        self.assertEqual((get()["resourceArn"], get()["tags"]), (mine, {"team": "night", "cost": "low"}))
        self.client.untag_resource(mine, ["cost"])
        self.assertEqual(get()["tags"], {"team": "night"})

    def test_the_account_has_settings(self):
        self.assertIsInstance(self.client.get_account_settings().data, dict)


class Configs(Scenario):
    def put(self, config, qualifier="LATEST", function="hello"):
        return self.client.put_function_async_invoke_config("svc", qualifier, function, config).data

    def get(self, qualifier="LATEST"):
        return self.client.get_function_async_invoke_config("svc", qualifier, "hello").data

    def delete(self, qualifier="LATEST"):
        return self.client.delete_function_async_invoke_config("svc", qualifier, "hello")

    def tearDown(self):
        for qualifier in ("LATEST", "other"):
            try:
                self.delete(qualifier)
            except FcError as error:
                self.assertEqual((error.status_code, error.err_code), (404, "AsyncConfigNotExists"))

    def test_what_was_put_is_got_back(self):
        config = {
            "destinationConfig": {"onSuccess": {"destination": c.arn("services/svc.LATEST/functions/audit")}},
            "maxAsyncEventAgeInSeconds": 3600,
            "maxAsyncRetryAttempts": 0,
            "statefulInvocation": True,
        }
        for data in (self.put(config), self.get()):
            self.assertEqual({key: data[key] for key in config}, config)
            self.assertEqual((data["service"], data["function"], data["qualifier"]), ("svc", "hello", "LATEST"))
            self.assertRegex(data["createdTime"], c.METADATA_TIME)

    def test_keys_are_read_in_any_case_and_numbers_as_text(self):
        self.put({"MaxAsyncRetryAttempts": "7", "MaxAsyncEventAgeInSeconds": None})
        self.assertEqual(self.get()["maxAsyncRetryAttempts"], 7)

    def test_the_list_shows_all_qualifiers_page_by_page(self):
        self.put({"maxAsyncRetryAttempts": 5})
        self.put({"maxAsyncRetryAttempts": 6}, qualifier="other")

        def page(token):
            data = self.client.list_function_async_invoke_configs("svc", "hello", limit=1, nextToken=token).data
            return [config["qualifier"] for config in data["configs"]], data["nextToken"]

        self.assertEqual(sorted(c.pages(page)), ["LATEST", "other"])

    def test_what_is_missing_or_out_of_range_is_refused(self):
        self.refused((404, "AsyncConfigNotExists"), self.get)
        self.refused((404, "FunctionNotFound"), lambda: self.put({}, function="nobody"))
        out_of_range = lambda: self.put({"maxAsyncRetryAttempts": 9})
        self.assertIn("maxAsyncRetryAttempts", self.refused((400, "InvalidArgument"), out_of_range))
        self.put({"maxAsyncRetryAttempts": 1})
        self.delete()
        self.refused((404, "AsyncConfigNotExists"), self.get)


class Invocations(Scenario):
    def invoke(self, function, payload, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.invoke_function("svc", function, payload, headers=named)

    def test_an_invocation_is_accepted_or_answered(self):
        answer = self.invoke("hello", b"{}", x_fc_invocation_type="Async", x_fc_async_delay="1")
        self.assertEqual(answer.data, b"")
        self.assertTrue(answer.headers["X-Fc-Request-Id"])
        answer = self.invoke("hello", b"hi", x_fc_log_type="Tail")
        self.assertEqual(answer.data, b"hi")
        self.assertIn("x-fc-log-result", answer.headers)

    def test_a_failed_function_is_an_error_of_the_client(self):
        # This client turns the answer with its X-Fc-Error-Type into an exception.
        status, _, message = c.refusal(lambda: self.invoke("hello", b'{"plan":["fail"]}'))
        self.assertEqual(status, 200)
        self.assertIn("errorMessage", message)

    def test_a_task_id_counts_once(self):
        submit = lambda: self.invoke(
            "tasks", b"{}", x_fc_invocation_type="Async", x_fc_stateful_async_invocation_id="once"
        )
        self.assertEqual(submit().headers["x-fc-stateful-async-invocation-id"], "once")
        self.refused((409, "StatefulAsyncInvocationAlreadyExists"), submit)

    def test_what_is_not_there_is_refused(self):
        self.assertIn("nobody", self.refused((404, "FunctionNotFound"), lambda: self.invoke("nobody", b"{}")))
        missing = lambda: self.client.invoke_function("nobody", "hello", b"{}")
        self.assertIn("nobody", self.refused((404, "ServiceNotFound"), missing))


class HttpFunction(Scenario):
    def call(self, client=None, method="POST", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        query = {"q": "1 2", "a": ["x", "y"]}
        return (client or self.client).do_http_request(method, "svc", "web", "/a%20b", named, query, b"hi")

    def test_a_request_goes_through_and_its_answer_comes_back(self):
        answer = self.call()
        self.assertEqual((answer.status_code, answer.content), (200, b"hi"))
        self.assertTrue(answer.headers["x-fc-request-id"])

    def test_it_can_be_asynchronous(self):
        answer = self.call(x_fc_invocation_type="Async")
        self.assertEqual((answer.status_code, answer.content), (202, b""))

    def test_a_wrong_secret_is_refused(self):
        answer = self.call(Calls(c.WRONG_SECRET))
        self.assertEqual((answer.status_code, answer.json()["ErrorCode"]), (403, "SignatureNotMatch"))


class Strangers(Scenario):
    def test_each_stranger_is_told_what_is_wrong(self):
        for key, expected in c.STRANGERS.items():
            for call in (
                lambda: Calls(key).invoke_function("svc", "hello", b"{}"),
                lambda: Calls(key).list_services(),
            ):
                with self.subTest(key=key):
                    self.refused(expected, call)

    def test_temporary_credentials_with_their_token_are_a_key_like_any_other(self):
        self.assertEqual(Calls(c.STS).invoke_function("svc", "hello", b"hi").data, b"hi")

    def test_a_reader_reads_and_does_nothing_else(self):
        reader = Calls(c.READER)
        self.assertEqual(reader.get_service("svc").data["serviceName"], "svc")
        self.refused((403, "AccessDenied"), lambda: reader.create_service(SERVICE))
        self.refused((403, "AccessDenied"), lambda: reader.invoke_function("svc", "hello", b"{}"))


class Rest(Scenario):
    def test_lists_of_what_is_not_here_are_empty(self):
        for method, arguments in EMPTY.items():
            with self.subTest(method=method):
                self.assertTrue(c.is_empty_list(getattr(self.client, method)(*arguments).data))
        get = lambda: self.client.get_on_demand_config("svc", "prod", "hello")
        self.refused((404, "OnDemandConfigNotFound"), get)

    def test_what_is_not_served_is_refused_as_such(self):
        for method, arguments in NOT_SERVED.items():
            with self.subTest(method=method):
                self.refused((400, "PathNotSupported"), lambda: getattr(self.client, method)(*arguments))


if __name__ == "__main__":
    c.main(COVERED, [sys.modules["__main__"]], operations())

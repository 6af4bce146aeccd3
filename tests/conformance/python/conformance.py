"""What the scenarios beside this one share: the daemon, the keys, what was covered, refusals and waiting.

FC_ENDPOINT is the daemon's API listener with its scheme, FC_CA the certificate to trust there, FUNCTION_URL a function
server whose payloads say what it does (tests/src/function.rs). The keys stand in tests/tests/clients/site.rs.
"""

import inspect
import os
import sys
import time
import unittest
from typing import NamedTuple

import requests

ENDPOINT = os.environ["FC_ENDPOINT"]
SCHEME, HOST = ENDPOINT.split("://")
CA = os.environ.get("FC_CA")
FUNCTION_URL = os.environ["FUNCTION_URL"]
TARGET = {"INVOKED_TARGET_URL": FUNCTION_URL}
ACCOUNT, REGION = "1234567890", "cn-hangzhou"

TERMINAL = ("Succeeded", "Failed", "Stopped", "Expired", "Invalid")
METADATA_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"


def trust():
    """Has requests trust our certificate instead of its bundled list, where a client takes no option."""
    if CA:
        requests.adapters.DEFAULT_CA_BUNDLE_PATH = CA


class Key(NamedTuple):
    id: str
    secret: str
    token: str | None = None


KEY = Key("testid", "testsecret")
WRONG_SECRET = KEY._replace(secret="guessed")
UNKNOWN = KEY._replace(id="nobody")
READER = Key("reader", "readersecret")  # may Get and List
STS = Key("STStestid", "stssecret", "ststoken123")
STS_WRONG_TOKEN = STS._replace(token="ststoken124")
STS_NO_TOKEN = STS._replace(token=None)

# How each of them is refused: what a client can tell its user apart.
STRANGERS = {
    WRONG_SECRET: (403, "SignatureNotMatch"),
    UNKNOWN: (403, "InvalidAccessKeyID"),
    STS_WRONG_TOKEN: (403, "AccessDenied"),
    STS_NO_TOKEN: (403, "AccessDenied"),
}


def arn(rest: str) -> str:
    return f"acs:fc:{REGION}:{ACCOUNT}:{rest}"


class Covered:
    """How the operations of one client ended: `ok` once any call was answered, else how it was refused."""

    def __init__(self, client: str, version: str):
        self.client, self.version, self.ends = client, version, {}

    def watch(self, operation: str, call, code):
        """`call`, noted as `operation`; `code` reads the code out of an exception, None where it is no refusal."""

        def watched(*arguments, **named):
            try:
                answer = call(*arguments, **named)
            except Exception as error:
                if (why := code(error)) is not None:
                    self.ends.setdefault(operation, f"refused:{why}")
                raise
            self.ends[operation] = "ok"
            return answer

        return watched

    def print(self):
        for operation, end in sorted(self.ends.items()):
            print("COVERED", self.client, self.version, operation, end, flush=True)


class TeaCalls:
    """A client of the Tea family: `calls.get_function("f", request)` is its `get_function_with_options`, watched.

    Headers are empty of their own class where none are given, and the runtime options trust our certificate.
    """

    def __init__(self, client, covered: Covered, runtime, error: type[Exception]):
        self._client, self._covered, self._runtime, self._error = client, covered, runtime, error

    def __getattr__(self, method: str):
        full = getattr(self._client, f"{method}_with_options")
        operation = operation_of(full)
        parameters = inspect.signature(full, eval_str=True).parameters
        typed = parameters["headers"].annotation

        def call(*arguments, headers=None):
            if headers is None:
                headers = typed() if inspect.isclass(typed) else {}
            return full(*arguments, headers, self._runtime)

        code = lambda error: error.code if isinstance(error, self._error) else None
        return self._covered.watch(operation, call, code)


def operation_of(full) -> str:
    """The operation's name as the client itself sends it (`x-acs-action`)."""
    source = inspect.getsource(full)
    return source.split("action='" if "action='" in source else "action = '", 1)[1].split("'", 1)[0]


def tea_operations(client) -> set[str]:
    """Every operation that the client has."""
    return {operation_of(getattr(client, name)) for name in dir(client) if name.endswith("_with_options")}


def is_empty_list(body: dict) -> bool:
    """Whether it is a page without items, and the last one."""
    lists = [value for value in body.values() if isinstance(value, list)]
    return lists == [[]] and not body.get("nextToken")


def call_with_nothing(calls: TeaCalls, method: str):
    """Calls an operation with empty requests, on the function `hello` where it wants one."""
    full = getattr(calls._client, f"{method}_with_options")
    arguments = []
    for name, parameter in inspect.signature(full, eval_str=True).parameters.items():
        if name in ("headers", "runtime"):
            break
        known = {"function_name": "hello", "service_name": "svc"}
        arguments.append(known.get(name, "x") if parameter.annotation is str else parameter.annotation())
    return getattr(calls, method)(*arguments)


def refusal(call) -> tuple[int, str, str]:
    """Status, code and message of the error that `call` must end with."""
    try:
        call()
    except Exception as error:
        status, code = getattr(error, "status_code", None), getattr(error, "code", getattr(error, "err_code", None))
        if status is None or code is None:
            raise
        return status, code, error.message
    raise AssertionError("it was not refused")


def until(what: str, found, within: float = 20.0):
    """Looks until `found` returns something true."""
    deadline = time.monotonic() + within
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(0.02)


def pages(page) -> list:
    """All items of a list: `page` takes a token and returns its items and the next token."""
    seen, token = [], None
    while token != "":
        items, token = page(token)
        seen += items
    return seen


def main(covered: Covered, modules, operations: set[str]):
    """Runs the tests of `modules`. If they all passed and left out none of the client's `operations`, says so."""
    suite = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromModule, modules))
    result = unittest.TextTestRunner().run(suite)
    left_out = operations - covered.ends.keys()
    if left_out:
        print("never called:", *sorted(left_out), file=sys.stderr)
    if left_out or not result.wasSuccessful() or result.testsRun == 0:
        sys.exit(1)
    covered.print()

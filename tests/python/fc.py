"""What the scripts beside this one share: the client as a user would build it, and waiting for a condition.

FC_ENDPOINT is the daemon's API listener, FUNCTION_URL a function server whose payloads say what it does
(tests/src/function.rs). The daemon has the functions `hello`, `tasks` (in task mode) and `audit`.
"""

import io
import os
import time

from alibabacloud_fc20230330 import models as M
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi import models as openapi
from darabonba.exceptions import DaraException
from darabonba.runtime import RuntimeOptions

FUNCTION_URL = os.environ["FUNCTION_URL"]


def client() -> Client:
    return Client(
        openapi.Config(
            access_key_id="testid",
            access_key_secret="testsecret",
            endpoint=os.environ["FC_ENDPOINT"],
            protocol="http",
            region_id="cn-hangzhou",
        )
    )


def arn(function: str) -> str:
    return f"acs:fc:cn-hangzhou:1234567890:functions/{function}"


def invoke(fc: Client, function: str, payload: bytes, kind: str = "Async", task: str | None = None, **headers: str):
    """One InvokeFunction; `headers` are further ones, with `_` for `-`."""
    return fc.invoke_function_with_options(
        function,
        M.InvokeFunctionRequest(body=io.BytesIO(payload)),
        M.InvokeFunctionHeaders(
            x_fc_invocation_type=kind,
            x_fc_async_task_id=task,
            common_headers={name.replace("_", "-"): value for name, value in headers.items()},
        ),
        RuntimeOptions(),
    )


def refusal(call) -> tuple[int, str, str]:
    """Status, code and message of the error that `call` must end with."""
    try:
        call()
    except DaraException as error:
        return error.status_code, error.code, error.message
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

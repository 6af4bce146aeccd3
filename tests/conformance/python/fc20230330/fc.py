"""The client alibabacloud-fc20230330 as a user would build it, and the calls that several of the tests make.

The daemon has the functions `hello`, `tasks` (in task mode) and `audit`.
"""

import io

from alibabacloud_fc20230330 import models as M
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi import models as openapi
from darabonba.exceptions import DaraException
from darabonba.runtime import RuntimeOptions

import conformance as c

COVERED = c.Covered("alibabacloud-fc20230330", "2023-03-30")


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


def invoke(calls, function: str, payload: bytes, kind="Async", task=None, log=None, qualifier=None, **headers: str):
    """One InvokeFunction; `headers` are further ones, with `_` for `-`."""
    return calls.invoke_function(
        function,
        M.InvokeFunctionRequest(body=io.BytesIO(payload), qualifier=qualifier),
        headers=M.InvokeFunctionHeaders(
            x_fc_invocation_type=kind,
            x_fc_async_task_id=task,
            x_fc_log_type=log,
            common_headers={name.replace("_", "-"): value for name, value in headers.items()},
        ),
    )


def create(calls, name: str, **fields):
    fields = {"environment_variables": c.TARGET, **fields}
    body = M.CreateFunctionInput(function_name=name, runtime="custom", handler="index.handler", **fields)
    return calls.create_function(M.CreateFunctionRequest(body=body))


def delete_if_there(calls, name: str):
    try:
        calls.delete_function(name)
    except DaraException as error:
        if (error.status_code, error.code) != (404, "FunctionNotFound"):
            raise

"""Runs every part of the scenario, and says which operations it covered."""

import conformance as c
from fc20230330 import configs, fc, functions, invocations, resources, rest, strangers, tasks

PARTS = (configs, functions, invocations, resources, rest, strangers, tasks)
c.main(fc.COVERED, PARTS, c.tea_operations(fc.client()._client))

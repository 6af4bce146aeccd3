"""Judges rendered objects of Kubernetes as a strict API server would: python validate.py VERSION FILE

VERSION is Kubernetes' (1.30). Prints one line for every object, `KIND NAME: ok` or what is wrong with it; ends with 1 if
anything is. A field that the schema does not know is wrong, and so is a kind without a schema.
"""

import sys

import yaml
from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor
from kubernetes_validate import SchemaNotFoundError, ValidationError, validate
from pydantic import ValidationError as ModelError

# What is not Kubernetes' own has a model made from its definition.
MODELS = {("monitoring.coreos.com/v1", "ServiceMonitor"): ServiceMonitor}


def fault_of(version, thing):
    """What is wrong with one object, or None."""
    model = MODELS.get((thing["apiVersion"], thing["kind"]))
    try:
        if model is not None:
            model.model_validate(thing, extra="forbid")
        else:
            validate(thing, version, strict=True)
    except ValidationError as error:
        return f"{'.'.join(str(step) for step in error.path)}: {error.message}"
    except SchemaNotFoundError as error:
        return error.message
    except ModelError as error:
        faults = (f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        return "; ".join(faults)
    return None


def main():
    version, file = sys.argv[1:]
    with open(file, encoding="utf-8") as text:
        things = [thing for thing in yaml.safe_load_all(text) if thing]
    faults = 0
    for thing in things:
        fault = fault_of(version, thing)
        faults += fault is not None
        print(f"{thing['kind']} {thing['metadata']['name']}: {fault or 'ok'}")
    if not things:
        sys.exit("no object at all")
    sys.exit(1 if faults else 0)


main()

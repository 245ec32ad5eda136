"""What ci/schemathesis has schemathesis ask beside what it makes up: requests that only somebody knows who
has uploaded, drafted or issued something, by operation, from the JSON file that HUB_EXAMPLES names."""

import json
import os

import schemathesis
from schemathesis import AuthContext

with open(os.environ["HUB_EXAMPLES"], encoding="utf-8") as file:
    EXAMPLES = json.load(file)


@schemathesis.hook
def before_add_examples(context, examples):
    operation = context.operation
    for example in EXAMPLES.get(operation.label, []):
        if "bytes" in example:
            body, media_type = example["bytes"].encode(), "application/octet-stream"
        else:
            body, media_type = example["body"], "application/json"
        case = operation.Case(
            path_parameters=example.get("path", {}), query=example.get("query", {}),
            body=body, media_type=media_type,
        )
        # As it does by itself for the cases that it makes up.
        operation.schema.apply_auth(case, AuthContext(operation=operation, app=operation.app))
        examples.append(case)

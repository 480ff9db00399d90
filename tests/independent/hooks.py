"""Tells schemathesis what the spec cannot: the rules in prose, and the current time."""

from datetime import datetime, timedelta, timezone
import json
from pathlib import Path
import re

import jsonschema_rs
import schemathesis
from requests.auth import AuthBase
from schemathesis import GenerationMode

X_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")

# The emulator checks the files and the kdstokens of its example share. For any other share id, it accepts all of them.
EXAMPLE_SHARE = "1808628918186415616"

SPEC = Path(__file__).parents[2] / "openapi" / "koodrive-share.json"
DOCUMENT = json.loads(SPEC.read_text("utf-8"))

# The library's JSON Schema for the request of createBatchTask, which includes the rules between fields.
SHARE_TASK = jsonschema_rs.Draft7Validator(json.loads(Path("share-task.json").read_text("utf-8")))


class LastTouch(AuthBase):
    """Changes a request that schemathesis has made."""

    def __call__(self, request):
        # The emulator refuses undocumented headers, and this one is only for schemathesis' own reports.
        request.headers.pop("X-Schemathesis-TestCaseId", None)
        # Rule `x-date-window`: a date of the right form becomes one of the last 15 minutes.
        if X_DATE.fullmatch(str(request.headers.get("X-Date"))):
            date = datetime.now(timezone.utc) - timedelta(seconds=10)
            request.headers["X-Date"] = date.strftime("%Y%m%dT%H%M%SZ")
        return request


def resolved(schema):
    """Returns the schema itself, or the one that it refers to, directly or by an `allOf`."""
    for part in [schema, *schema.get("allOf", [])]:
        if "$ref" in part:
            found = DOCUMENT
            for key in part["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            return resolved(found)
    return schema


def keep_known(fields, schema):
    """Drops fields that the spec does not list. The spec allows them, but the emulator refuses them."""
    known = resolved(schema).get("properties", {})
    for name in list(fields):
        if name not in known:
            del fields[name]
        elif isinstance(fields[name], dict):
            keep_known(fields[name], known[name])


def keep_rules(body, examples):
    """Makes a body keep the rules between fields, as an example does: adds a field that it lacks, or removes one."""
    for example in examples:
        for known in [body.keys(), example.keys()]:
            kept = {**example, **{name: value for name, value in body.items() if name in known}}
            if not SHARE_TASK.is_valid(body) and SHARE_TASK.is_valid(kept):
                body.clear()
                body.update(kept)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # OpenAPI allows any value as a link's `requestBody`, but openapi-generator accepts only a string,
    # so the spec has it as `x-request-body`.
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    link["requestBody"] = link.pop("x-request-body")


@schemathesis.hook
def before_call(context, case, kwargs):
    kwargs["auth"] = LastTouch()
    body = case.body
    if not isinstance(body, dict):
        return
    operation = DOCUMENT["paths"][case.operation.path][case.operation.method.lower()]
    content = operation["requestBody"]["content"]["application/json"]
    keep_known(body, content["schema"])
    if operation["operationId"] == "createBatchTask":
        if case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE:
            keep_rules(body, [example["value"] for example in content["examples"].values()])
        if body.get("shareId") == EXAMPLE_SHARE:
            body["shareId"] = "s"

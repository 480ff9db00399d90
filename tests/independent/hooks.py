"""What the spec cannot tell schemathesis: the prose rules, and the clock."""

from datetime import datetime, timedelta, timezone
import json
from pathlib import Path
import re

import schemathesis
from requests.auth import AuthBase

X_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")

# Of its example share the emulator knows the files and the kdstokens; of another share id it takes whatever comes.
EXAMPLE_SHARE = "1808628918186415616"

TARGET = {"containerId": "c", "fileId": "root"}

SPEC = Path(__file__).parents[2] / "openapi" / "koodrive-share.json"
DOCUMENT = json.loads(SPEC.read_text("utf-8"))


class LastTouch(AuthBase):
    """Changes a request after schemathesis has made it."""

    def __call__(self, request):
        # The emulator refuses undocumented headers, and this one is only for schemathesis' own reports.
        request.headers.pop("X-Schemathesis-TestCaseId", None)
        # Rule `x-date-window`: a date of the right form becomes one of the last 15 minutes.
        if X_DATE.fullmatch(str(request.headers.get("X-Date"))):
            date = datetime.now(timezone.utc) - timedelta(seconds=10)
            request.headers["X-Date"] = date.strftime("%Y%m%dT%H%M%SZ")
        return request


def resolved(schema):
    """The schema that one stands for, by a reference or an `allOf` of one."""
    for part in [schema, *schema.get("allOf", [])]:
        if "$ref" in part:
            found = DOCUMENT
            for key in part["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            return resolved(found)
    return schema


def keep_known(fields, schema):
    """Drops fields that the spec does not list: it leaves open what becomes of them, the emulator refuses them."""
    known = resolved(schema).get("properties", {})
    for name in list(fields):
        if name not in known:
            del fields[name]
        elif isinstance(fields[name], dict):
            keep_known(fields[name], known[name])


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # OpenAPI lets a link's `requestBody` be any value, and openapi-generator takes nothing but a string.
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
    keep_known(body, operation["requestBody"]["content"]["application/json"]["schema"])
    if operation["operationId"] == "createBatchTask":
        if body.get("shareId") == EXAMPLE_SHARE:
            body["shareId"] = "s"
        # Rules `zip-name-required` and `target-required`.
        if body.get("taskType") == 1:
            body.setdefault("zipName", "photos.zip")
        if body.get("taskType") == 2:
            body.setdefault("targetFileId", TARGET)

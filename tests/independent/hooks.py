"""What the spec cannot tell schemathesis: the prose rules, and the clock."""

from datetime import datetime, timedelta, timezone
import json
from pathlib import Path
import re

import schemathesis
from requests.auth import AuthBase

X_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")

TARGET = {"containerId": "c", "fileId": "root"}

SPEC = Path(__file__).parents[2] / "openapi" / "koodrive-share.json"
SCHEMAS = json.loads(SPEC.read_text("utf-8"))["components"]["schemas"]


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


def keep_known(fields, schema):
    for name in set(fields).difference(SCHEMAS[schema]["properties"]):
        del fields[name]


@schemathesis.hook
def before_call(context, case, kwargs):
    kwargs["auth"] = LastTouch()
    body = case.body
    if not isinstance(body, dict):
        return
    # The spec leaves open what becomes of unknown fields, as its sources do; the emulator refuses them.
    creates = case.operation.path.endswith("/tasks")
    keep_known(body, "CreateBatchTaskRequest" if creates else "GetBatchTaskRequest")
    if isinstance(body.get("targetFileId"), dict):
        keep_known(body["targetFileId"], "FileIdInfo")
    if creates:
        # Rules `zip-name-required` and `target-required`.
        if body.get("taskType") == 1:
            body.setdefault("zipName", "photos.zip")
        if body.get("taskType") == 2:
            body.setdefault("targetFileId", TARGET)

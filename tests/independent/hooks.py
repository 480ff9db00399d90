"""What the spec cannot tell schemathesis: the prose rules, and the clock."""

from datetime import datetime, timedelta, timezone
import re

import schemathesis
from requests.auth import AuthBase

X_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")

TARGET = {"containerId": "c", "fileId": "root"}

FIELDS = {
    "containerId",
    "fileIds",
    "kdstoken",
    "shareId",
    "targetFileId",
    "taskId",
    "taskType",
    "zipName",
}


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


def keep(fields, known):
    for name in set(fields).difference(known):
        del fields[name]


@schemathesis.hook
def before_call(context, case, kwargs):
    kwargs["auth"] = LastTouch()
    body = case.body
    if not isinstance(body, dict):
        return
    # The spec leaves open what becomes of unknown fields, as its sources do; the emulator refuses them.
    keep(body, FIELDS)
    if isinstance(body.get("targetFileId"), dict):
        keep(body["targetFileId"], TARGET)
    if case.operation.path.endswith("/tasks"):
        # Rules `zip-name-required` and `target-required`.
        if body.get("taskType") == 1:
            body.setdefault("zipName", "photos.zip")
        if body.get("taskType") == 2:
            body.setdefault("targetFileId", TARGET)

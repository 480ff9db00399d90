"""Creates a task and follows it to its end, with the client that openapi-python-client generates from the spec."""

from datetime import datetime, timedelta, timezone
import sys
import time

from share_tasks import AuthenticatedClient
from share_tasks.api.share import create_batch_task, get_batch_task
from share_tasks.models import CreateBatchTaskRequest, FileIdInfo, GetBatchTaskRequest, TaskType

# The emulator's default token.
TOKEN = "emulator-token"

COMPLETED, ALL_SUCCEEDED = 2, 1


def headers():
    date = datetime.now(timezone.utc) - timedelta(seconds=10)
    return {"x_date": date.strftime("%Y%m%dT%H%M%SZ"), "x_hw_agentname": "carrier", "x_user_id": "7"}


client = AuthenticatedClient(base_url=sys.argv[1], token=TOKEN)
target = FileIdInfo(container_id="my-space", file_id="root")
task = CreateBatchTaskRequest(
    container_id="c", file_ids=["f"], share_id="s", target_file_id=target, task_type=TaskType.DUMP
)
created = create_batch_task.sync(client=client, body=task, **headers())
assert created.code == 0, created
query = GetBatchTaskRequest(share_id="s", task_id=created.task_id)
for _ in range(100):
    detail = get_batch_task.sync(client=client, body=query, **headers())
    assert detail.code == 0, detail
    if detail.job_info.task_status == COMPLETED:
        break
    time.sleep(0.1)
assert (detail.job_info.task_status, detail.job_info.task_result_code) == (COMPLETED, ALL_SUCCEEDED), detail
print(f"task {created.task_id}: completed")

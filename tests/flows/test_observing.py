"""What a system tells of its work: each job in the log by its id, and all of them as metrics."""

import json
import re
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.cli.processes import read_log_until, running, wait_for_exit

APP = """
import structlog
from herdbook import Herdbook

book = Herdbook()
log = structlog.get_logger()

@book.processor("bake", queue="kitchen", attempts=1)
async def bake(loaves: int) -> int:
    log.info("baking", loaves=loaves)
    if loaves < 0:
        raise ValueError("no such loaves")
    return loaves
"""


async def values(api: httpx.AsyncClient, address: str) -> dict[tuple[str, ...], float]:
    """Each metric's value by its name and the values of its labels, in the order of their names."""
    families = text_string_to_metric_families((await api.get(address)).text)
    return {
        (one.name, *(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


async def test_a_job_is_found_in_the_log_and_counted_in_the_metrics(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "kitchen.py").write_text(APP, encoding="utf-8")
    variables = {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "HERDBOOK_LOG_FORMAT": "json",
    }
    async with (
        running("serve", "kitchen:book", "--port", "0", cwd=tmp_path, **variables) as serve,
        running("relay", cwd=tmp_path, **variables) as relay,
        running("worker", "kitchen:book", "--metrics-port", "0", cwd=tmp_path, **variables) as worker,
        httpx.AsyncClient() as api,
    ):
        assert serve.stdout
        url = (await serve.stdout.readline()).decode().split()[1]
        answers = [
            await api.post(f"{url}/api/jobs", json={"jobType": "bake", "jobData": loaves}) for loaves in (12, -1)
        ]
        good, bad = (answer.json()["jobId"] for answer in answers)
        heard = await read_log_until(worker, "serving metrics", good, bad)
        address = re.search(r"http://127\.0\.0\.1:\d+/metrics", heard)
        assert address

        async def counted() -> bool:
            own = await values(api, address[0])
            whole = await values(api, f"{url}/metrics")
            return (
                own.get(("herdbook_worker_attempts_total", "completed", "kitchen", "bake")) == 1
                and own.get(("herdbook_worker_attempts_total", "failed", "kitchen", "bake")) == 1
                and whole.get(("herdbook_jobs", "kitchen", "failed", "bake")) == 1
                and whole.get(("herdbook_outbox_depth",)) == 0
            )

        await eventually(counted)
        for process in (worker, relay, serve):
            process.terminate()
            assert (await wait_for_exit(process))[0] == 0
    line = next(json.loads(one) for one in heard.splitlines() if good in one and '"baking"' in one)
    named = {"job": good, "job_type": "bake", "queue": "kitchen", "attempt": 1, "loaves": 12, "level": "info"}
    assert {name: line[name] for name in named} == named

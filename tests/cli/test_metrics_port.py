"""A worker with a metrics port serves its metrics, whether its servers are reachable or not."""

import re
from pathlib import Path

import httpx

from .processes import read_log_until, running, wait_for_exit
from .test_worker import UNREACHABLE


async def test_a_worker_serves_its_metrics_until_it_ends(tmp_path: Path) -> None:
    async with running("worker", "--metrics-port", "0", cwd=tmp_path, **UNREACHABLE) as worker:
        log = await read_log_until(worker, "serving metrics", "worker started")
        address = re.search(r"http://127\.0\.0\.1:\d+/metrics", log)
        assert address
        async with httpx.AsyncClient() as client:
            answer = await client.get(address[0])
        assert 'herdbook_worker_held{queue="email"} 0.0' in answer.text
        assert 'herdbook_record_connections{state="free"}' in answer.text
        worker.terminate()
        code, _, rest = await wait_for_exit(worker)
    assert code == 0
    assert "Traceback" not in log + rest

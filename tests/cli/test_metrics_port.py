"""A worker that is told a port serves its metrics there, whether its servers are there or not."""

import re
from pathlib import Path

import httpx

from .processes import ended, hear, running
from .test_worker import AWAY


async def test_a_worker_serves_its_metrics_until_it_ends(tmp_path: Path) -> None:
    async with running("worker", "--metrics-port", "0", cwd=tmp_path, **AWAY) as worker:
        heard = await hear(worker, "metrics are served", "worker started")
        address = re.search(r"http://127\.0\.0\.1:\d+/metrics", heard)
        assert address
        async with httpx.AsyncClient() as client:
            answer = await client.get(address[0])
        assert 'herdbook_worker_held{queue="email"} 0.0' in answer.text
        assert 'herdbook_record_connections{state="free"}' in answer.text
        worker.terminate()
        code, _, rest = await ended(worker)
    assert code == 0
    assert "Traceback" not in heard + rest

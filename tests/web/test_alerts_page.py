"""The alerts page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from herdbook.alerting import load_alerts
from herdbook.http.services import Services
from herdbook.model.ids import new_job_id
from herdbook.upkeep.alerts import AlertWatch

from .conftest import HOSTILE, client
from .queue_setup import beat, region, text_of

FILE = """
[targets.team]
apprise = "json://example.com/hush"

[[rules]]
name = "Lost ones"
kind = "worker-lost"

[[rules]]
kind = "failure-rate"
above = 0.25
over = "10m"
"""


@pytest.fixture
def watched(services: Services, tmp_path: Path) -> Services:
    """The services, with alert rules."""
    path = tmp_path / "alerts.toml"
    path.write_text(FILE, encoding="utf-8")
    return replace(services, settings=services.settings.model_copy(update={"alerts": path}))


@pytest.fixture
async def watched_site(watched: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client(watched) as site:
        yield site


async def look(services: Services) -> None:
    await AlertWatch(services.database, services.queues, load_alerts(services.settings)).round()


async def test_without_rules_the_page_shows_an_example(site: httpx.AsyncClient) -> None:
    page = await site.get("/alerts")
    assert page.status_code == 200
    assert "HERDBOOK_ALERTS=alerts.toml" in page.text
    assert 'href="/alerts" aria-current="page"' in page.text


async def test_the_example_on_the_page_is_valid(site: httpx.AsyncClient, tmp_path: Path, services: Services) -> None:
    example = (await site.get("/alerts")).text.partition('id="alert-file"')[2].partition(">")[2].partition("</pre>")[0]
    path = tmp_path / "example.toml"
    path.write_text(example.replace("whsec_…", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), encoding="utf-8")
    alerts = load_alerts(services.settings.model_copy(update={"alerts": path}))
    assert [len(alerts.rules), len(alerts.targets)] == [3, 2]


async def test_rules_that_are_not_firing_are_ok(watched_site: httpx.AsyncClient) -> None:
    page = await watched_site.get("/alerts")
    assert "No alerts are firing. 2 rules are active." in text_of(page.text)
    assert region(page.text, "rule-1", "li").startswith("Lost ones ✓ OK Fires when a worker was lost within 1 h.")
    assert "more than 25% of the jobs of a type failed for good" in region(page.text, "rule-2", "li")
    assert "hush" not in page.text


async def test_an_incident_is_shown_with_its_notification_jobs(
    watched_site: httpx.AsyncClient, watched: Services
) -> None:
    await beat(watched, "barn-7", ["notes"], silent=20)
    await look(watched)
    page = await watched_site.get("/alerts")
    assert "1 rule is firing." in text_of(page.text)
    assert "Lost ones ✕ Firing, started" in region(page.text, "rule-1", "li")
    assert "Worker barn-7: no heartbeat for 20 s; it held no job." in region(page.text, "rule-1", "li")
    assert "ongoing started" in text_of(page.text)

    await beat(watched, "barn-7", ["notes"])
    await look(watched)
    page = await watched_site.get("/alerts")
    assert "No alerts are firing. 2 rules are active." in text_of(page.text)
    answer = (await watched_site.get("/api/alerts")).json()
    (incident,) = answer["incidents"]
    for job in (incident["openingJobId"], incident["resolvingJobId"]):
        assert f'href="/jobs/{job}"' in page.text
        assert (await watched_site.get(f"/jobs/{job}")).status_code == 200


async def test_the_api_gives_the_same(watched_site: httpx.AsyncClient, watched: Services) -> None:
    await beat(watched, "barn-7", ["notes"], silent=20)
    await look(watched)
    answer = await watched_site.get("/api/alerts")
    lost, rate = answer.json()["rules"]
    (incident,) = answer.json()["incidents"]
    assert lost["firingSince"] == incident["openedAt"]
    assert (lost["name"], lost["kind"], lost["sendTo"]) == ("Lost ones", "worker-lost", ["team"])
    assert (rate["name"], rate["firingSince"]) == ("failure-rate", None)
    assert (incident["subject"], incident["resolvedAt"]) == ("barn-7", None)
    assert "hush" not in answer.text


async def test_subjects_are_escaped(watched_site: httpx.AsyncClient, watched: Services) -> None:
    async with watched.database.connection() as connection:
        await connection.execute(
            "INSERT INTO herdbook.incidents (id, rule, kind, subject, message) VALUES ($1, 'Lost ones', 'x', $2, $2)",
            new_job_id(),
            HOSTILE,
        )
    page = await watched_site.get("/alerts")
    assert page.status_code == 200
    assert "<img src=x" not in page.text


async def test_without_postgresql_an_error_page_says_so(lost_site: httpx.AsyncClient) -> None:
    assert (await lost_site.get("/alerts")).status_code == 503
    assert (await lost_site.get("/api/alerts")).status_code == 503

"""The form that publishes a job."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import BaseModel, Field

from herdbook.http.services import Services
from herdbook.model.job import Job
from herdbook.model.options import Backoff, JobOptions
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.reads import read_job
from tests.web.browser_form import pairs_of
from tests.web.builtin_types import BUILTIN
from tests.web.conftest import EXTREMES, HOSTILE, client


class Animal(BaseModel):
    """An animal to write down."""

    name: str = Field(max_length=2_000, description="What it is called.", examples=["Daisy"])
    age: int | None = Field(default=None, ge=0, le=40)
    tags: list[str] = Field(default=[], max_length=4)


class Tagged(BaseModel):
    tags: list[str]


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @registry.processor("patient", backoff=lambda attempt, error: 1_000 * attempt, timeout="90s")
    def patient(payload: dict[str, int]) -> None:
        """Wait."""

    @registry.processor("animal", queue="farm", attempts=4, backoff=Backoff(delay=10_000))
    async def animal(payload: Animal) -> None:
        """Write an animal down.

        For good.
        """

    registry.declare("any", Any)
    registry.declare("lists", list[Tagged])
    for one in BUILTIN.values():
        registry.declare(one.name, one.payload._type)
    return registry


@pytest.fixture
async def site(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client(services) as site:
        yield site


async def send(site: httpx.AsyncClient, page: httpx.Response | str, **changes: str) -> httpx.Response:
    """Submit the form in a page, with some inputs changed by their names (double underscores for dots)."""
    if isinstance(page, str):
        page = await site.get("/jobs/new", params={"type": page})
    assert page.status_code in (200, 409, 413, 422, 503)
    typed = {name.replace("__", "."): text for name, text in changes.items()}
    pairs = [pair for pair in pairs_of(page.text) if pair[0] not in typed] + list(typed.items())
    return await site.post("/jobs/new", content=urlencode(pairs), headers=FORM)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def published(services: Services, answer: httpx.Response) -> Job:
    """The job that a submitted form published."""
    assert answer.status_code == 303, answer.text
    path, _, notice = answer.headers["location"].partition("?")
    assert notice in ("", "notice=published")
    async with services.database.connection() as connection:
        return await read_job(connection, UUID(path.removeprefix("/jobs/")))


async def count(services: Services) -> int:
    async with services.database.connection() as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM herdbook.jobs")
    return found


async def test_the_job_types_to_choose_from_are_described(site: httpx.AsyncClient) -> None:
    page = await site.get("/jobs/new")
    assert page.status_code == 200
    assert 'href="/jobs/new?type=animal"' in page.text
    assert "Write an animal down." in page.text
    assert "For good." not in page.text
    assert "Queue farm · runs in the worker&#39;s event loop</p>" in page.text
    assert "Queue patient · runs in a thread, timeout 1 min 30 s per attempt</p>" in page.text
    assert "Queue any · runs in another program</p>" in page.text


async def test_the_form_shows_the_defaults_of_its_type(site: httpx.AsyncClient) -> None:
    patient = (await site.get("/jobs/new?type=patient")).text
    assert "runs in a thread, timeout 1 min 30 s per attempt" in patient
    assert "Default: decided by the job type from the attempt number and the error." in patient
    assert "A number without a unit is in seconds. Default: 90s." in patient
    animal = (await site.get("/jobs/new?type=animal")).text
    assert "Default: exponential, from 10s." in animal
    assert "A number without a unit is in seconds. Default: none." in animal
    assert "Default: set by the program that runs the job." in (await site.get("/jobs/new?type=any")).text


async def test_without_job_types_the_page_says_how_to_declare_one(services: Services) -> None:
    empty = Services(**{name: getattr(services, name) for name in Services.__slots__} | {"registry": Registry()})
    async with client(empty) as site:
        assert "@book.processor" in (await site.get("/jobs/new")).text


@pytest.mark.parametrize("name", ["animal", "any", *BUILTIN])
async def test_each_type_has_a_form(site: httpx.AsyncClient, name: str) -> None:
    page = await site.get("/jobs/new", params={"type": name})
    assert page.status_code == 200
    assert f"New {name} job" in page.text
    assert "JSON Schema" in page.text


async def test_a_form_becomes_a_job(site: httpx.AsyncClient, services: Services) -> None:
    answer = await send(site, "animal", jobData__name="Daisy", jobData__age="7", **{"jobData.tags.1": "brown"})
    job = await published(services, answer)
    assert (job.job_type, job.queue, job.job_data) == ("animal", "farm", {"name": "Daisy", "age": 7, "tags": ["brown"]})
    assert (job.priority, job.run_at, job.max_attempts, job.backoff) == (0, None, 4, Backoff(delay=10_000))


async def test_options_are_applied(site: httpx.AsyncClient, services: Services) -> None:
    typed = {"options.priority": "5", "options.attempts": "2", "options.runAt": "2040-01-31T12:00"}
    backoff = {"options.backoff.type": '"fixed"', "options.backoff.delay": "2m", "options.backoff.jitter": "0.5"}
    job = await published(services, await send(site, "animal", jobData__name="a", **typed, **backoff))
    assert (job.priority, job.max_attempts) == (5, 2)
    assert job.run_at is not None
    assert job.run_at.isoformat() == "2040-01-31T12:00:00+00:00"
    assert job.backoff == Backoff(type="fixed", delay=120_000, jitter=0.5)
    limits = {"options.timeout": "2m", "options.callbackUrl": "https://example.com/hooks"}
    limited = await published(services, await send(site, "animal", jobData__name="a", **limits))
    assert (limited.timeout_ms, limited.callback_url) == (120_000, "https://example.com/hooks")
    later = await published(services, await send(site, "animal", jobData__name="a", options__delay="1d"))
    assert later.run_at is not None
    assert 86_390 < (later.run_at - later.created_at).total_seconds() < 86_410


@pytest.mark.parametrize(("text", "expected"), [("30", 30_000), ("0.5", 500), ("500ms", 500), (" 2h ", 7_200_000)])
async def test_a_timeout_without_a_unit_is_in_seconds(
    site: httpx.AsyncClient, services: Services, text: str, expected: int
) -> None:
    job = await published(services, await send(site, "animal", jobData__name="a", options__timeout=text))
    assert job.timeout_ms == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("soon", "Not a duration: give seconds"), ("0", "greater than or equal to 0.001"), ("-1", "Not a duration")],
)
async def test_an_invalid_timeout_is_reported_at_its_field(
    site: httpx.AsyncClient, services: Services, text: str, said: str
) -> None:
    page = await send(site, "animal", jobData__name="a", options__timeout=text)
    assert page.status_code == 422
    assert re.search(rf'id="options.timeout:error">[^<]*{said}', page.text)
    assert ("options.timeout", text) in pairs_of(page.text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://example.com", "URL scheme should be"),
        ("example.com", "valid URL"),
        ("https://a:b@example.com/", "The URL must not contain a user name or password"),
        (HOSTILE, "valid URL"),
        ("https://example.com/" + "x" * 2_100, "at most 2083 characters"),
    ],
)
async def test_an_invalid_callback_url_is_reported_at_its_field(
    site: httpx.AsyncClient, services: Services, text: str, said: str
) -> None:
    page = await send(site, "animal", jobData__name="a", options__callbackUrl=text)
    assert page.status_code == 422
    assert re.search(rf'id="options.callbackUrl:error">[^<]*{said}', page.text)
    assert ("options.callbackUrl", text) in pairs_of(page.text)
    assert await count(services) == 0


async def test_problems_are_reported_at_their_fields_and_nothing_typed_is_lost(
    site: httpx.AsyncClient, services: Services
) -> None:
    typed = {
        "jobData.name": "",
        "jobData.age": "41",
        "jobData.tags.0": "brown",
        "options.delay": "soon",
        "options.priority": "high",
        "options.attempts": "0",
        "options.backoff.jitter": "2",
        "options.runAt": "2040-01-31T12:00",
    }
    page = await send(site, "animal", **typed)
    assert page.status_code == 422
    assert set(typed.items()) <= set(pairs_of(page.text))
    for name in ("jobData.name", "jobData.age", "options.delay", "options.priority", "options.backoff.jitter"):
        assert f'id="{name}:error"' in page.text
    assert "Not a duration: give milliseconds" in page.text
    assert "less than or equal to 40" in page.text
    assert "<details open>" in page.text
    assert await count(services) == 0
    mended = {"options.delay": "", "options.priority": "", "options.attempts": "", "options.backoff.jitter": ""}
    answer = await send(site, page, jobData__name="Daisy", jobData__age="40", **mended)
    assert (await published(services, answer)).job_data == {"name": "Daisy", "age": 40, "tags": ["brown"]}


async def test_a_duration_of_thousands_of_digits_is_reported_at_its_field(
    site: httpx.AsyncClient, services: Services
) -> None:
    for name in ("options.delay", "options.timeout", "options.backoff.delay"):
        page = await send(site, "animal", **{"jobData.name": "Daisy", name: "9" * 5_000 + "s"})
        assert page.status_code == 422
        assert f'id="{name}:error"' in page.text
        assert "Not a duration of up to ten years" in page.text
    assert await count(services) == 0


async def test_delay_and_run_at_exclude_each_other(site: httpx.AsyncClient) -> None:
    typed = {"options.delay": "5m", "options.runAt": "2040-01-31T12:00"}
    page = await send(site, "animal", jobData__name="a", **typed)
    assert page.status_code == 422
    assert "Give delay or runAt, not both" in page.text


async def test_the_button_adds_rows_and_keeps_the_rest(site: httpx.AsyncClient, services: Services) -> None:
    page = await send(site, "animal", jobData__name="", jobData__age="x", add_rows="jobData.tags")
    assert page.status_code == 200
    assert 'role="alert"' not in page.text
    pairs = pairs_of(page.text)
    assert ("jobData.age", "x") in pairs
    assert sum(name == "jobData.tags:row" for name, _ in pairs) == 4
    assert await count(services) == 0


async def test_the_json_tab_holds_the_same_value(site: httpx.AsyncClient, services: Services) -> None:
    page = await send(site, "animal", jobData__name="Daisy", jobData__age="7", options__priority="3", switch="json")
    assert page.status_code == 200
    text = dict(pairs_of(page.text))["json"]
    assert json.loads(text) == {"name": "Daisy", "age": 7}
    back = await send(site, page, json='{"name": "Bess", "age": 8, "tags": ["x"]}', switch="form")
    expected = {("jobData.name", "Bess"), ("jobData.age", "8"), ("jobData.tags.0", "x"), ("options.priority", "3")}
    assert expected <= set(pairs_of(back.text))
    job = await published(services, await send(site, page, json='{"name": "Bess"}'))
    assert (job.job_data, job.priority) == ({"name": "Bess"}, 3)


async def test_values_that_fit_no_input_survive_the_switch(site: httpx.AsyncClient, services: Services) -> None:
    page = await send(site, "animal", switch="json")
    odd = {"name": ["a"], "age": "old", "tags": list(range(500)), "colour": {"top": "brown"}}
    form = await send(site, page, json=json.dumps(odd), switch="form")
    again = await send(site, form, switch="json")
    assert json.loads(dict(pairs_of(again.text))["json"]) == odd
    refused = await send(site, form)
    assert refused.status_code == 422
    assert 'id="jobData.name:error"' in refused.text
    assert await count(services) == 0


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "NaN", "9" * 30, '{"name": "a", "age": 1e999}', '"\\ud800"', "[" * 300]
)
@pytest.mark.parametrize("switch", [{}, {"switch": "form"}])
async def test_broken_json_stays_as_it_was_typed(site: httpx.AsyncClient, text: str, switch: dict[str, str]) -> None:
    page = await send(site, "animal", switch="json")
    again = await send(site, page, json=text, **switch)
    if text == "" and switch:
        assert again.status_code == 200
        return
    assert again.status_code == 422
    assert dict(pairs_of(again.text))["json"] == text
    assert 'aria-describedby="problems"' in again.text


async def test_invalid_inputs_prevent_the_switch_to_json(site: httpx.AsyncClient) -> None:
    page = await send(site, "animal", jobData__age="seven", switch="json")
    assert page.status_code == 422
    assert {("mode", "form"), ("jobData.age", "seven")} <= set(pairs_of(page.text))
    assert "Not a whole number" in page.text


async def test_problems_of_the_json_are_reported_at_the_top(site: httpx.AsyncClient) -> None:
    page = await send(site, "animal", switch="json")
    again = await send(site, page, json='{"name": 5, "tags": ["a", 1]}', options__attempts="0")
    assert again.status_code == 422
    assert "name: Input should be a valid string" in again.text
    assert "tags, item 2: Input should be a valid string" in again.text
    assert 'id="options.attempts:error"' in again.text


@pytest.mark.parametrize("text", [*EXTREMES, "</textarea><script>alert(1)</script>", "x" * 10_000])
async def test_hostile_texts_are_escaped(site: httpx.AsyncClient, services: Services, text: str) -> None:
    page = await send(site, "animal", jobData__name=text, jobData__age=text, **{"jobData.tags.0": text})
    assert page.status_code == 422
    assert "<script>alert" not in page.text
    pairs = dict(pairs_of(page.text))
    assert pairs["jobData.name"].replace("\r\n", "\n") == text
    if len(text) <= 2_000:
        answer = await send(site, page, jobData__age="", **{"options.idempotencyKey": "k"})
        job = await published(services, answer)
        assert job.job_data == {"name": text, "tags": [text]}


async def test_json_of_any_shape_can_be_published(site: httpx.AsyncClient, services: Services) -> None:
    value = {"</textarea><script>": [HOSTILE, None, 1.5, {"a.b": "שלום"}] * 100}
    job = await published(services, await send(site, "any", jobData=json.dumps(value)))
    assert job.job_data == value


async def test_a_conflicting_idempotency_key_is_reported_at_its_field(
    site: httpx.AsyncClient, services: Services
) -> None:
    first = await send(site, "animal", jobData__name="a", **{"options.idempotencyKey": "k"})
    same = await send(site, "animal", jobData__name="a", **{"options.idempotencyKey": "k"})
    assert (await published(services, first)).id == (await published(services, same)).id
    assert "notice" not in same.headers["location"]
    other = await send(site, "animal", jobData__name="b", **{"options.idempotencyKey": "k"})
    assert other.status_code == 409
    assert 'id="options.idempotencyKey:error"' in other.text
    assert ("jobData.name", "b") in pairs_of(other.text)


async def test_data_that_is_too_large_is_shown_again(site: httpx.AsyncClient, services: Services) -> None:
    text = json.dumps("x" * services.settings.max_job_bytes)
    page = await send(site, "any", jobData=text)
    assert page.status_code == 413
    assert "1,000,000 are accepted" in page.text
    assert dict(pairs_of(page.text))["jobData"] == text
    far = await site.post("/jobs/new", content="type=any&jobData=" + "x" * 7_000_000, headers=FORM)
    assert far.status_code == 413


async def test_what_postgresql_cannot_store_is_refused(site: httpx.AsyncClient, services: Services) -> None:
    page = await send(site, "animal", jobData__name="a\0b")
    assert page.status_code == 422
    assert "NUL character" in page.text
    assert await count(services) == 0


@pytest.mark.parametrize("name", ["nothing", "", "<b>", "x" * 300])
async def test_an_unknown_type_leads_to_the_list_of_types(
    site: httpx.AsyncClient, services: Services, name: str
) -> None:
    if name:
        page = await site.get("/jobs/new", params={"type": name})
        assert page.status_code == 404
        assert "unknown job type" in page.text
    sent = await site.post("/jobs/new", data={"type": name, "jobData.name": "a"})
    assert sent.status_code == 422
    assert 'href="/jobs/new?type=animal"' in sent.text
    assert await count(services) == 0


async def test_unknown_names_are_ignored(site: httpx.AsyncClient, services: Services) -> None:
    strange = {
        "jobData": "{}",
        "jobData.strange": "x",
        "options.strange": "y",
        "": "z",
        "jobData:variant": "5",
        "json": "{",
    }
    job = await published(services, await send(site, "animal", jobData__name="a", **strange))
    assert job.job_data == {"name": "a"}


async def test_a_job_can_be_duplicated(site: httpx.AsyncClient, services: Services) -> None:
    publisher = Publisher(services.database, services.registry, max_job_bytes=1_000_000)
    data = {"name": "Daisy\nthe 2nd", "age": 7, "tags": ["a", HOSTILE]}
    options = JobOptions(
        delay=60_000,
        priority=9,
        attempts=7,
        backoff=Backoff(type="fixed", delay=1_500),
        timeout=1.5,
        callback_url="https://example.com/hooks",
        idempotency_key="k",
    )
    first = await publisher.publish(JobRequest(job_type="animal", job_data=data, options=options))
    page = await site.get("/jobs/new", params={"from": str(first.id)})
    assert page.status_code == 200
    assert f'href="/jobs/{first.id}"' in page.text
    assert {("options.timeout", "1500ms"), ("options.backoff.delay", "1500ms")} <= set(pairs_of(page.text))
    second = await published(services, await send(site, page))
    assert second.id != first.id
    assert (second.job_data, second.priority, second.max_attempts, second.run_at) == (data, 9, 7, None)
    assert (second.backoff, second.timeout_ms) == (options.backoff, 1_500)
    assert second.callback_url == "https://example.com/hooks"


async def test_a_job_can_be_duplicated_by_its_id_in_the_queue(site: httpx.AsyncClient, services: Services) -> None:
    publisher = Publisher(services.database, services.registry, max_job_bytes=1_000_000)
    first = await publisher.publish(JobRequest(job_type="animal", job_data={"name": "Daisy"}))
    async with services.database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET generation = 1, job_id = concat(id, '~1')")
    page = await site.get("/jobs/new", params={"from": f"{first.id}~1"})
    assert ("jobData.name", "Daisy") in pairs_of(page.text)
    assert (await site.get("/jobs/new", params={"from": f"{first.id}~2"})).status_code == 404


async def test_a_job_with_data_of_an_older_schema_can_be_duplicated(
    site: httpx.AsyncClient, services: Services
) -> None:
    async with services.database.connection() as connection:
        data = json.dumps({"name": 5, "colour": "brown", "tags": {"a": "b"}})
        id = await connection.fetchval("SELECT herdbook.publish('animal', $1::text::jsonb, queue => 'farm')", data)
    page = await site.get("/jobs/new", params={"from": str(id)})
    assert page.status_code == 200
    text = dict(pairs_of((await send(site, page, switch="json")).text))["json"]
    assert json.loads(text) == json.loads(data)


async def test_data_with_very_many_rows_is_edited_as_json(site: httpx.AsyncClient, services: Services) -> None:
    publisher = Publisher(services.database, services.registry, max_job_bytes=1_000_000)
    data = [{"tags": ["a"] * 90}] * 10
    first = await publisher.publish(JobRequest(job_type="lists", job_data=data))
    page = await site.get("/jobs/new", params={"from": str(first.id)})
    assert json.loads(dict(pairs_of(page.text))["json"]) == data
    form = await send(site, page, switch="form")
    assert form.status_code == 422
    assert "more than 500 rows" in form.text
    assert (await published(services, await send(site, form))).job_data == data
    rows = [("type", "lists"), *(("jobData:row", str(number)) for number in range(1_001))]
    assert (await site.post("/jobs/new", content=urlencode(rows), headers=FORM)).status_code == 413


async def test_only_existing_jobs_can_be_duplicated(site: httpx.AsyncClient) -> None:
    for id in (str(uuid4()), "nonsense", "<b>"):
        assert (await site.get("/jobs/new", params={"from": id})).status_code == 404


async def test_a_job_of_an_undeclared_type_leads_to_the_list_of_types(
    site: httpx.AsyncClient, services: Services
) -> None:
    async with services.database.connection() as connection:
        await connection.execute("SELECT herdbook.publish('gone', '{}'::jsonb, queue => 'gone')")
        id = await connection.fetchval("SELECT id FROM herdbook.jobs")
    page = await site.get("/jobs/new", params={"from": str(id)})
    assert page.status_code == 404
    assert "unknown job type" in page.text


async def test_without_postgresql_nothing_typed_is_lost(lost_site: httpx.AsyncClient) -> None:
    page = await send(lost_site, "animal", jobData__name="Daisy", options__priority="3")
    assert page.status_code == 503
    assert "PostgreSQL is unreachable" in page.text
    assert {("jobData.name", "Daisy"), ("options.priority", "3")} <= set(pairs_of(page.text))
    assert "hushhush" not in page.text
    assert (await lost_site.get("/jobs/new", params={"from": str(uuid4())})).status_code == 503


async def test_other_sites_cannot_publish(site: httpx.AsyncClient, services: Services) -> None:
    sent = await site.post("/jobs/new", data={"type": "any"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403
    assert await count(services) == 0

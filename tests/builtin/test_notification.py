"""Notifications: valid channels, delivery to a real web server, and retries that skip delivered channels."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from herdbook.builtin.notification import NotificationPayload, Notifier
from herdbook.errors import InvalidJobError
from herdbook.model.context import JobContext
from herdbook.model.registry import Registry
from herdbook.sending.delivery_error import DeliveryError

SECRET = "s3cr3t-t0ken"


class Hooks:
    """A web server that stores what is posted to it; paths in `broken` respond with 503."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.broken: set[str] = set()
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hooks.posted.append((self.path, body))
                self.send_response(503 if self.path in hooks.broken else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_port}"

    def paths(self) -> list[str]:
        """The paths that received a POST, sorted."""
        return sorted(path for path, _ in self.posted)


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    hooks = Hooks()
    thread = threading.Thread(target=hooks.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hooks
    hooks.server.shutdown()
    hooks.server.server_close()
    thread.join()


def payload(*channels: str, **changes: Any) -> NotificationPayload:
    """A payload parsed from JSON."""
    data = {"channels": channels, "title": "Backup", "body": "all <b>done</b>", "level": "success"}
    return NotificationPayload.model_validate_json(orjson.dumps({**data, **changes}))


async def test_every_channel_gets_the_message(hooks: Hooks, job: JobContext) -> None:
    result = await Notifier().run(payload(f"json://{hooks.place}/one", f"json://u:{SECRET}@{hooks.place}/two"), job)
    shown = f"json://{hooks.place}/…"
    assert result == {"channels": [{"channel": shown, "status": "sent"}] * 2}
    assert hooks.paths() == ["/one", "/two"]
    message = hooks.posted[0][1]
    assert (message["title"], message["message"], message["type"]) == ("Backup", "all <b>done</b>", "success")


async def test_a_retry_goes_only_to_the_channels_that_failed(hooks: Hooks, make_job: Callable[..., JobContext]) -> None:
    mail = payload(*(f"json://{hooks.place}/{SECRET}{name}" for name in ("one", "two", "three")))
    hooks.broken = {f"/{SECRET}two"}
    first = make_job()
    with pytest.raises(DeliveryError) as caught:
        await Notifier().run(mail, first)
    assert str(caught.value).startswith(f"1 of 3 channels failed: json://{hooks.place}/…: ")
    assert "503" in str(caught.value)
    assert len(hooks.posted) == 3

    notes = first.take_report()
    assert notes.progress is not None
    left = orjson.loads(notes.progress)
    assert left == {"delivered": [0, 2], "channels": 3}
    assert len(notes.logs) == 1
    assert SECRET not in f"{caught.value}{left}{notes.logs}"

    hooks.posted.clear()
    still_broken = make_job(reported=left, attempt=2)
    with pytest.raises(DeliveryError, match="1 of 3"):
        await Notifier().run(mail, still_broken)
    assert still_broken.take_report().progress is None

    hooks.broken.clear()
    healed = make_job(reported=left, attempt=3)
    result = await Notifier().run(mail, healed)
    assert [channel["status"] for channel in result["channels"]] == ["sentEarlier", "sent", "sentEarlier"]
    assert hooks.paths() == [f"/{SECRET}two"] * 2
    assert orjson.loads(healed.take_report().progress or "")["delivered"] == [0, 1, 2]


async def test_an_optional_channel_may_fail(hooks: Hooks, job: JobContext) -> None:
    hooks.broken = {"/one"}
    result = await Notifier().run(payload(f"json://{hooks.place}/one?optional=yes", f"json://{hooks.place}/two"), job)
    failed, sent = result["channels"]
    assert failed["status"] == "failed"
    assert "503" in failed["error"]
    assert sent["status"] == "sent"


@pytest.mark.parametrize("reported", [50, "x", [], {"delivered": 3}, {"delivered": ["x", None]}, {"other": 1}])
async def test_unknown_progress_is_ignored(reported: Any, hooks: Hooks, make_job: Callable[..., JobContext]) -> None:
    await Notifier().run(payload(f"json://{hooks.place}/one"), make_job(reported=reported))
    assert hooks.paths() == ["/one"]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"channels": []}, "channels", "at least one channel"),
        ({"channels": ["json://localhost"] * 51}, "channels", "at most 50 items"),
        (
            {"channels": ["json://localhost", f"slack://{SECRET}"]},
            "channels.1",
            "slack:// is not a service of Apprise, or",
        ),
        ({"channels": [f"nosuch://{SECRET}"]}, "channels.0", "nosuch:// is not a service"),
        ({"channels": [SECRET]}, "channels.0", "not an Apprise URL"),
        ({"channels": [""]}, "channels.0", "not an Apprise URL"),
        ({"body": " \n"}, "body", "must not be empty"),
        ({"title": "a\nb"}, "title", "line breaks"),
        ({"level": "loud"}, "level", "'info', 'success', 'warning' or 'failure'"),
        ({"colour": "red"}, "colour", "not permitted"),
    ],
)
def test_the_error_in_an_invalid_notification_is_at_its_field(changes: dict[str, Any], path: str, message: str) -> None:
    book = Registry()
    book.processor("notification")(Notifier().run)
    data = {"channels": ["json://localhost"], "body": "hello", **changes}
    with pytest.raises(InvalidJobError) as caught:
        book.get("notification").validate(orjson.dumps(data))
    [problem] = caught.value.problems
    assert problem.path == f"jobData.{path}"
    assert message in problem.message
    assert SECRET not in f"{caught.value}{problem}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"json://{SECRET}@example.com/{SECRET}?-X-Token={SECRET}", "json://example.com/…"),
        (f"jsons://user:{SECRET}@example.com:8443", "jsons://example.com:8443/…"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord://4...8/…"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram://1...p/…"),
    ],
)
def test_a_channel_is_shown_without_its_secrets(url: str, shown: str) -> None:
    import apprise

    from herdbook.sending.channel import redacted

    service = apprise.Apprise.instantiate(url)
    assert service is not None
    assert redacted(service) == shown

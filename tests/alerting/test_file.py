"""Loading the operator's file of rules and targets, and the errors in an invalid one."""

import sys
from pathlib import Path

import pytest

from herdbook.alerting import Alerts, load_alerts
from herdbook.errors import ConfigurationError
from herdbook.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TARGETS = f"""
[targets.team]
apprise = "json://example.com/hush"
[targets.program]
webhook = "https://example.com/hush"
secret = "{SECRET}"
"""


def load(folder: Path, text: str) -> Alerts:
    path = folder / "alerts.toml"
    path.write_text(text, encoding="utf-8")
    return load_alerts(Settings(alerts=path))


def test_a_target_that_needs_apprise_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigurationError, match=r"^HERDBOOK_ALERTS: target 'team': apprise: .* herdbook\[builtin\]$"):
        load(tmp_path, TARGETS)
    assert load(tmp_path, TARGETS[TARGETS.index("[targets.program]") :]).targets.keys() == {"program"}


def test_without_a_file_there_are_no_rules() -> None:
    assert load_alerts(Settings(alerts=None)) == Alerts()


def test_a_rule_is_named_after_its_kind_and_notifies_all_targets_by_default(tmp_path: Path) -> None:
    rules = '[[rules]]\nkind = "job-failed"\n[[rules]]\nname = "slow"\nkind = "outbox-lag"\nsend_to = ["team"]\n'
    alerts = load(tmp_path, TARGETS + rules)
    assert [rule.name for rule in alerts.rules] == ["job-failed", "slow"]
    assert [alerts.targets_of(rule) for rule in alerts.rules] == [("team", "program"), ("team",)]
    assert "hush" not in repr(alerts)
    assert SECRET not in repr(alerts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[rules]", "is not valid TOML"),
        ('[[rules]]\nkind = "job-failed"\n', "there are rules, but no targets"),
        (TARGETS + '[[rules]]\nkind = "nonsense"\n', "rule 1 (nonsense): Input tag 'nonsense'"),
        (TARGETS + "[[rules]]\nover = 3\n", "rule 1: Unable to extract tag"),
        (
            TARGETS + '[[rules]]\nkind = "outbox-lag"\n[[rules]]\nname = "m"\nkind = "failure-rate"\nabove = 20\n',
            "rule 2 (m): above: Input should be less than 1",
        ),
        (TARGETS + '[[rules]]\nkind = "failure-rate"\n', "rule 1 (failure-rate): above: Field required"),
        (TARGETS + '[[rules]]\nkind = "job-failed"\nover = "soon"\n', "rule 1 (job-failed): over: not a duration"),
        (TARGETS + '[[rules]]\nkind = "job-failed"\nhow = 1\n', "rule 1 (job-failed): how: Extra inputs"),
        (TARGETS + '[[rules]]\nkind = "job-failed"\nsend_to = ["x"]\n', "rule 'job-failed': send_to: there is no"),
        (TARGETS + '[[rules]]\nkind = "outbox-lag"\n' * 2, "two rules are named 'outbox-lag'"),
        ('[targets.a]\nwebhook = "https://x.example/hush"\n', "target 'a': secret: Field required"),
        ('[targets.a]\nwebhook = "ftp://x.example/hush"\nsecret = "hush"\n', "target 'a': webhook: URL scheme"),
        (
            '[targets.a]\nwebhook = "https://u:p@x.example/hush"\nsecret = "hush"\n',
            "target 'a': webhook: the URL must not",
        ),
        ('[targets.a]\nwebhook = "https://x.example"\nsecret = "hush"\n', "target 'a': secret: must be whsec_"),
        ('[targets.a]\nurl = "hush"\n', "target 'a': apprise: Field required"),
    ],
)
def test_the_error_in_an_invalid_file_names_the_rule_and_the_field(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith("HERDBOOK_ALERTS: ")
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HERDBOOK_ALERTS: the file cannot be read"):
        load_alerts(Settings(alerts=tmp_path / "none.toml"))

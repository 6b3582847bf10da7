"""Loads the alert rules and targets from the file in `HERDBOOK_ALERTS`.

An error never repeats a value, because the file contains secrets.
"""

import tomllib
from importlib.util import find_spec
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from herdbook.alerting.rules import FileModel, Name, Rule
from herdbook.alerting.signing import Secret
from herdbook.errors import ConfigurationError
from herdbook.model.options import WebAddress
from herdbook.settings import Settings


class AppriseTarget(FileModel):
    """A chat, a phone or a mailbox, as an Apprise URL."""

    apprise: str = Field(min_length=1, repr=False)

    @field_validator("apprise")
    @classmethod
    def _has_apprise(cls, url: str) -> str:
        if find_spec("apprise") is None:
            raise ValueError("Apprise is not installed: install herdbook[builtin]")
        return url


class WebhookTarget(FileModel):
    """A program that receives signed POST requests."""

    webhook: WebAddress = Field(repr=False)
    secret: Secret = Field(repr=False)


Target = AppriseTarget | WebhookTarget


class Alerts(FileModel):
    """The operator's rules, and the targets by name."""

    rules: tuple[Rule, ...] = ()
    targets: dict[Name, Target] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fit_together(self) -> "Alerts":
        names = [rule.name for rule in self.rules]
        for number, rule in enumerate(self.rules):
            if rule.name in names[:number]:
                raise ValueError(f"two rules are named {rule.name!r}: give each its own name")
            unknown = [one for one in rule.send_to or () if one not in self.targets]
            if unknown:
                raise ValueError(f"rule {rule.name!r}: send_to: there is no target {unknown[0]!r}")
        if self.rules and not self.targets:
            raise ValueError("there are rules, but no targets")
        return self

    def targets_of(self, rule: Rule) -> tuple[str, ...]:
        """The names of the targets to notify: those in the rule, or all."""
        return tuple(self.targets) if rule.send_to is None else rule.send_to


def load_alerts(settings: Settings) -> Alerts:
    """The rules and targets; none if no file is set. Raises ConfigurationError that names the rule and the field."""
    if settings.alerts is None:
        return Alerts()
    try:
        content = tomllib.loads(settings.alerts.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(f"the file cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise _invalid(f"{settings.alerts} is not valid TOML: {error}") from None
    try:
        return Alerts.model_validate(content)
    except ValidationError as error:
        raise _invalid("; ".join(_problems(error, content))) from None


def _invalid(why: str) -> ConfigurationError:
    return ConfigurationError(f"HERDBOOK_ALERTS: {why}")


def _problems(error: ValidationError, content: dict[str, Any]) -> list[str]:
    """Each problem with its rule or target and field; of the kinds of targets, only for the one that was meant."""
    problems: dict[str, None] = {}
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        place = [str(part) for part in found["loc"]]
        if place[:1] == ["targets"] and len(place) > 3:
            given = content["targets"][place[1]]
            meant = "WebhookTarget" if "webhook" in given else "AppriseTarget"
            if place[2] != meant:
                continue
            place = [f"target {place[1]!r}", *place[3:]]
        elif place[:1] == ["rules"] and len(place) > 1:
            place = [_rule_name(int(place[1]), content), *place[3:]]
        message = found["msg"].removeprefix("Value error, ")
        problems[": ".join([*place, message])] = None
    return list(problems)


def _rule_name(number: int, content: dict[str, Any]) -> str:
    rule = content["rules"][number]
    name = (rule.get("name") or rule.get("kind")) if isinstance(rule, dict) else None
    return f"rule {number + 1} ({name})" if isinstance(name, str) else f"rule {number + 1}"

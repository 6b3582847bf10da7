"""Finds the job types of installed packages, by their entry points in the group `herdbook.job_types`."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from herdbook.errors import ConfigurationError, HerdbookError
from herdbook.model.registry import Registry
from herdbook.model.summary import RecordReader
from herdbook.settings import Settings

GROUP = "herdbook.job_types"
Source = Registry | Callable[[Settings, RecordReader], Registry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An entry point. `source` is None if a module that it needs is missing; `remedy` says what to install."""

    name: str
    package: str
    source: Source | None = None
    remedy: str = ""

    def __str__(self) -> str:
        return f"entry point {self.name!r} of package {self.package}"


def find_extensions() -> list[Extension]:
    """All entry points, loaded; raises ConfigurationError for one that is broken."""
    return sorted(map(_load, entry_points(group=GROUP)), key=lambda one: (one.package, one.name))


def include_extensions(registry: Registry, settings: Settings, record: RecordReader) -> None:
    """Add the job types of the entry points, except those that `registry` already has.

    Raises ConfigurationError if an entry point is broken, or if two of them provide the same job type.
    """
    own = {one.name for one in registry}
    brought: dict[str, Extension] = {}
    for extension in find_extensions():
        if extension.source is None:
            registry.mark_missing(extension.name, extension.remedy)
            continue
        found = _job_types(extension, extension.source, settings, record)
        for name in (one.name for one in found if one.name not in own):
            if name in brought:
                raise ConfigurationError(f"both {brought[name]} and {extension} bring job type {name!r}")
            brought[name] = extension
        registry.include(found)


def _load(entry: EntryPoint) -> Extension:
    extension = Extension(name=entry.name, package=entry.dist.name if entry.dist else "unknown")
    try:
        source = entry.load()
    except ModuleNotFoundError as error:
        ours = extension.package == __name__.partition(".")[0]
        remedy = "install herdbook[builtin]" if ours else f"install {error.name}, which {extension.package} needs"
        return Extension(name=extension.name, package=extension.package, remedy=remedy)
    except Exception as error:
        raise _broken(extension, error) from error
    return Extension(name=extension.name, package=extension.package, source=source)


def _job_types(extension: Extension, source: Source, settings: Settings, record: RecordReader) -> Registry:
    try:
        found = source(settings, record) if callable(source) else source
    except HerdbookError:
        raise
    except Exception as error:
        raise _broken(extension, error) from error
    if not isinstance(found, Registry):
        raise ConfigurationError(f"{extension} is a {type(found).__qualname__}, not a Registry")
    return found


def _broken(extension: Extension, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"{extension} is broken: {type(error).__name__}: {error}")

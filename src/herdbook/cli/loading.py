"""Imports an application, `module:attribute`, from the current folder or PYTHONPATH.

An exception in the application is never shown as a traceback, only its type, message and line.
"""

import re
import sys
import sysconfig
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType

from herdbook.app import Herdbook
from herdbook.errors import ConfigurationError
from herdbook.model.registry import Registry

_APP = re.compile(r"(?P<module>[\w.]+):(?P<attribute>[\w.]+)")
_HERDBOOK_FOLDER = Path(__file__).parents[1]


def load_app(app: str | None) -> Registry | None:
    """The job types of the `Herdbook` or `Registry` that APP names; None for None. Raises ConfigurationError."""
    if app is None:
        return None
    match = _APP.fullmatch(app)
    if match is None:
        raise ConfigurationError(f"APP must have the form module:attribute, such as app:book, not {app!r}")
    module = _import(match["module"])
    found: object = module
    for name in match["attribute"].split("."):
        if not hasattr(found, name):
            raise ConfigurationError(f"module {match['module']!r} has no {match['attribute']!r}{_known_apps(module)}")
        found = getattr(found, name)
    if isinstance(found, Herdbook):
        return found.registry
    if not isinstance(found, Registry):
        kind = type(found).__qualname__
        raise ConfigurationError(f"{app} is a {kind}, not a Herdbook or Registry{_known_apps(module)}")
    return found


def _import(name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"no module {error.name!r} in {folder} or on PYTHONPATH") from None
        raise _import_error(name, error) from error
    except (Exception, SystemExit) as error:
        raise _import_error(name, error) from error


def _import_error(name: str, error: BaseException) -> ConfigurationError:
    if isinstance(error, SyntaxError):
        location, message = f"{error.filename}:{error.lineno}", error.msg
    else:
        location, message = _location(error), str(error)
    return ConfigurationError(f"module {name!r} cannot be imported: {type(error).__name__}: {message} ({location})")


def _location(error: BaseException) -> str:
    """The application's own line closest to the error, rather than a library's."""
    frames = traceback.extract_tb(error.__traceback__)
    libraries = [Path(path) for path in sysconfig.get_paths().values()]
    own = [
        frame
        for frame in frames
        if not frame.filename.startswith("<")
        and not any(Path(frame.filename).is_relative_to(folder) for folder in (_HERDBOOK_FOLDER, *libraries))
    ]
    last = (own or frames)[-1]
    return f"{last.filename}:{last.lineno}"


def _known_apps(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, Herdbook | Registry)]
    return f"; it has {', '.join(names)}" if names else ""

"""Inspects a processor's function: its payload type, whether it takes a context, where it can run."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_type_hints

from herdbook.errors import ConfigurationError


class ExecutorKind(StrEnum):
    """Where a function runs: in the worker's event loop, in one of its threads, or in a separate process."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The annotation of the function's payload, and whether it also takes a context."""

    payload: Any
    takes_context: bool


def signature(name: str, function: Callable[..., Any]) -> Signature:
    """The signature of the processor of job type `name`; raises ConfigurationError."""
    parameters = list(inspect.signature(function).parameters.values())
    if not 1 <= len(parameters) <= 2:
        raise ConfigurationError(f"the processor of {name!r} must take a payload and, optionally, a JobContext")
    return Signature(payload=_hints(name, function).get(parameters[0].name, Any), takes_context=len(parameters) == 2)


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        # A callable object keeps its annotations on its __call__.
        return get_type_hints(function if inspect.isroutine(function) else type(function).__call__)
    except NameError as error:
        why = f"{error}; it must be imported at run time, not only for type checking"
        raise ConfigurationError(f"the annotations of the processor of {name!r} cannot be read: {why}") from None


def executor_kind(name: str, function: Callable[..., Any], wanted: str | None) -> ExecutorKind:
    """Where the function runs: as requested if that is possible; raises ConfigurationError that says why not."""
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004  (its kind is what matters)
    )
    default = ExecutorKind.ASYNC if is_async else ExecutorKind.THREAD
    match wanted:
        case None:
            return default
        case ExecutorKind.PROCESS:
            _check_importable(name, function, is_async=is_async)
            return ExecutorKind.PROCESS
        case default.value:
            return default
        case ExecutorKind.ASYNC | ExecutorKind.THREAD:
            kind = "async def" if is_async else "def"
            raise ConfigurationError(f"the processor of {name!r} is a {kind}, which executor={wanted!r} cannot run")
    raise ConfigurationError(f"executor {wanted!r} of {name!r}: use 'async', 'thread' or 'process'")


def _check_importable(name: str, function: Callable[..., Any], *, is_async: bool) -> None:
    """Another process can find a function only by its module and name."""
    if is_async:
        why = "it is an async def; make it a def"
    elif not inspect.isfunction(function):
        why = "it is not a plain function"
    elif "<" in function.__qualname__:
        why = f"{function.__qualname__} is not at the top level of its module"
    elif function.__module__ == "__main__":
        why = "it is in the main program (__main__); move it into a module that the program imports"
    else:
        return
    raise ConfigurationError(f"the processor of {name!r} cannot run in a separate process: {why}")

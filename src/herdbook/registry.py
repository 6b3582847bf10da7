"""Takes declarations of job types, made with `@book.processor` or `book.declare`.

Gives, by name, a job type's payload model, function, queue and default options.
Never publishes or runs anything.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from herdbook.context import JobContext
from herdbook.errors import ConfigurationError, FieldProblem, InvalidJobError, UnknownJobTypeError
from herdbook.job import Backoff, JobOptions

Function = TypeVar("Function", bound=Callable[..., Any])

# No colon: BullMQ refuses it in queue names. No space: Redis refuses it in client names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
DEFAULT_ATTEMPTS = 3
DEFAULT_BACKOFF = Backoff()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """A kind of job. `function` is None where the work runs elsewhere, say in Node."""

    name: str
    queue: str
    payload: TypeAdapter[Any]
    function: Callable[..., Any] | None
    takes_context: bool
    is_async: bool
    attempts: int
    backoff: Backoff | None
    description: str

    def validate(self, job_data: bytes | str) -> Any:
        """The payload in JSON text `job_data`; raises InvalidJobError that names each wrong field."""
        try:
            return self.payload.validate_json(job_data)
        except ValidationError as error:
            problems = field_problems(error, "jobData")
            what = "; ".join(f"{problem.path}: {problem.message}" for problem in problems[:3])
            raise InvalidJobError(f"not a valid {self.name} job: {what}", problems) from None

    def call(self, payload: Any, context: JobContext) -> Awaitable[Any] | Any:
        """Call the function with its payload, and its context when it takes one."""
        assert self.function is not None
        return self.function(payload, context) if self.takes_context else self.function(payload)


def field_problems(error: ValidationError, root: str) -> list[FieldProblem]:
    """Pydantic's findings as paths under `root` and messages, without the values (they may be secret)."""
    return [
        FieldProblem(
            path=".".join([root, *map(str, found["loc"])]) if root else ".".join(map(str, found["loc"])),
            message=found["msg"],
        )
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


class Registry:
    """The job types of one program."""

    def __init__(self) -> None:
        self._types: dict[str, JobType] = {}

    def processor(
        self,
        name: str,
        *,
        queue: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        backoff: Backoff | dict[str, Any] | None = DEFAULT_BACKOFF,
    ) -> Callable[[Function], Function]:
        """Declare the decorated function as the processor of job type `name`.

        The function takes the payload (its annotation is the model that publishing checks) and, if
        it wants, a `JobContext`; `async def` or plain `def` (run in a thread). `queue` is `name`
        unless given; `backoff` None retries at once.
        """

        def declare(function: Function) -> Function:
            payload, takes_context = _signature(name, function)
            self._add(name, queue, payload, function, takes_context, attempts, backoff)
            return function

        return declare

    def declare(
        self,
        name: str,
        payload: Any,
        *,
        queue: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        backoff: Backoff | dict[str, Any] | None = DEFAULT_BACKOFF,
    ) -> None:
        """Declare a job type whose work runs elsewhere; `payload` is the model that publishing checks."""
        self._add(name, queue, payload, None, False, attempts, backoff)

    def include(self, other: "Registry") -> None:
        """Take over the job types of another registry; our own win."""
        self._types = {**other._types, **self._types}

    def get(self, name: str) -> JobType:
        """The job type; raises UnknownJobTypeError that lists the known ones."""
        found = self._types.get(name)
        if found is None:
            known = ", ".join(sorted(self._types)) or "none"
            message = f"unknown job type {name!r}; known: {known}"
            raise UnknownJobTypeError(message, [FieldProblem(path="jobType", message=message)])
        return found

    def find(self, name: str) -> JobType | None:
        """The job type, or None."""
        return self._types.get(name)

    def __iter__(self) -> Iterator[JobType]:
        return iter(self._types.values())

    def queues(self) -> list[str]:
        """The queues that this program has processors for, sorted."""
        return sorted({job_type.queue for job_type in self if job_type.function})

    def _add(
        self,
        name: str,
        queue: str | None,
        payload: Any,
        function: Callable[..., Any] | None,
        takes_context: bool,
        attempts: int,
        backoff: Backoff | dict[str, Any] | None,
    ) -> None:
        for kind, value in (("job type", name), ("queue", queue or name)):
            if not _NAME.fullmatch(value):
                raise ConfigurationError(f"{kind} name {value!r}: use up to 100 letters, digits, '_', '-' and '.'")
        if name in self._types:
            raise ConfigurationError(f"job type {name!r} is declared twice")
        options = JobOptions(attempts=attempts, backoff=Backoff.model_validate(backoff) if backoff else None)
        self._types[name] = JobType(
            name=name,
            queue=queue or name,
            payload=TypeAdapter(payload),
            function=function,
            takes_context=takes_context,
            is_async=inspect.iscoroutinefunction(function),
            attempts=attempts,
            backoff=options.backoff,
            description=inspect.getdoc(function) or "",
        )


def _signature(name: str, function: Callable[..., Any]) -> tuple[Any, bool]:
    """The payload's annotation, and whether the function takes a context as well."""
    parameters = list(inspect.signature(function).parameters.values())
    if not 1 <= len(parameters) <= 2:
        raise ConfigurationError(f"the processor of {name!r} must take a payload and, if it wants, a JobContext")
    # A callable object keeps its annotations on its __call__.
    hints = get_type_hints(function if inspect.isroutine(function) else type(function).__call__)
    return hints.get(parameters[0].name, Any), len(parameters) == 2

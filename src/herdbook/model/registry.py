"""The job types of a program: payload model, function, queue and default options of each, by name."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from herdbook.errors import ConfigurationError, FieldProblem, InvalidJobError, UnknownJobTypeError
from herdbook.model.context import JobContext
from herdbook.model.options import Backoff, BackoffOptions, JobOptions
from herdbook.model.outcome import DEFAULT_BACKOFF, BackoffFunction
from herdbook.model.processor import ExecutorKind, executor_kind, signature
from herdbook.model.signals import Unrecoverable

# A function that takes the payload and, optionally, the job's context.
Processor = Callable[[Any], Any] | Callable[[Any, JobContext], Any]
Function = TypeVar("Function", bound=Processor)

# No colon: BullMQ refuses it in queue names. No space: Redis refuses it in client names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
DEFAULT_ATTEMPTS = 3
AnyBackoff = Backoff | BackoffOptions | BackoffFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """A kind of job. `function` is None if its jobs run elsewhere, say in Node.

    `backoff` travels with each job; `own_backoff`, the program's own function, applies to jobs without
    one. `timeout` (seconds) applies to jobs without a limit of their own. Only Herdbook itself publishes
    jobs of a type that `is_reserved`.
    """

    name: str
    queue: str
    payload: TypeAdapter[Any]
    function: Callable[..., Any] | None
    takes_context: bool
    executor: ExecutorKind
    attempts: int
    backoff: Backoff | None
    own_backoff: BackoffFunction | None
    timeout: float | None
    description: str
    is_reserved: bool = False

    def validate(self, job_data: bytes | str) -> Any:
        """The payload in the JSON text `job_data`; raises InvalidJobError that names each invalid field."""
        try:
            return self.payload.validate_json(job_data)
        except ValidationError as error:
            problems = field_problems(error, "jobData")
            what = "; ".join(f"{problem.path}: {problem.message}" for problem in problems[:3])
            raise InvalidJobError(f"not a valid {self.name} job: {what}", problems) from None

    def checked(self, job_data: bytes | str) -> Any:
        """The payload, to run the job; raises Unrecoverable, because a retry would find the same job data."""
        try:
            return self.validate(job_data)
        except InvalidJobError as error:
            raise Unrecoverable(str(error)) from None
        except Exception as error:
            raise Unrecoverable(f"the job data cannot be validated: {error}") from error

    def call(self, payload: Any, context: JobContext) -> Awaitable[Any] | Any:
        """Call the function with the payload, and with the context if it takes one."""
        assert self.function is not None
        return self.function(payload, context) if self.takes_context else self.function(payload)


def field_problems(error: ValidationError, root: str) -> list[FieldProblem]:
    """Pydantic's errors as paths under `root` and messages, without the values, which may be secret."""
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
        self._missing: dict[str, str] = {}

    def processor(
        self,
        name: str,
        *,
        queue: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        backoff: AnyBackoff | None = DEFAULT_BACKOFF,
        timeout: float | str | None = None,
        executor: Literal["async", "thread", "process"] | None = None,
    ) -> Callable[[Function], Function]:
        """Declare the decorated function as the processor of job type `name`.

        The function takes the payload (publishing validates it by its annotation) and, optionally, a
        `JobContext`. An `async def` runs in the worker's event loop, a `def` in a thread, or with
        `executor="process"` in a separate process, for work that is CPU-heavy or may crash.
        `queue` defaults to `name`. `backoff=None` retries at once; a function gets the attempt's number
        (from 1) and its error, and returns milliseconds. `timeout` limits one attempt, in seconds or as
        a text like `30s`. Raises ConfigurationError.
        """

        def declare(function: Function) -> Function:
            found = signature(name, function)
            kind = executor_kind(name, function, executor)
            limits = _Limits(attempts=attempts, backoff=backoff, timeout=timeout)
            self._add(name, queue, found.payload, limits, function, kind, found.takes_context)
            return function

        return declare

    def declare(
        self,
        name: str,
        payload: Any,
        *,
        queue: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        backoff: Backoff | BackoffOptions | None = DEFAULT_BACKOFF,
    ) -> None:
        """Declare a job type that runs elsewhere; publishing validates job data by the model `payload`."""
        self._add(name, queue, payload, _Limits(attempts=attempts, backoff=backoff))

    def include(self, other: "Registry") -> None:
        """Add the job types of another registry; those already here win."""
        self._types = {**other._types, **self._types}
        self._missing = {**other._missing, **self._missing}

    def reserve(self, *names: str) -> None:
        """Let only Herdbook itself publish jobs of these types."""
        self._types.update({name: replace(self._types[name], is_reserved=True) for name in names})

    def mark_missing(self, name: str, remedy: str) -> None:
        """Note that this job type is not available until an operator follows `remedy`, such as `install x`."""
        self._missing[name] = remedy

    @property
    def missing(self) -> dict[str, str]:
        """The job types marked as missing, with their remedies."""
        return {name: remedy for name, remedy in self._missing.items() if name not in self._types}

    def get(self, name: str) -> JobType:
        """The job type; raises UnknownJobTypeError, which lists the known ones."""
        found = self._types.get(name)
        if found is None:
            known = ", ".join(sorted(self._types)) or "none"
            remedy = f"; to have it, {self._missing[name]}" if name in self._missing else ""
            message = f"unknown job type {name!r}; known: {known}{remedy}"
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

    def needs_processes(self, queue: str) -> bool:
        """Whether all jobs of the queue run in separate processes."""
        kinds = {job_type.executor for job_type in self if job_type.function and job_type.queue == queue}
        return kinds == {ExecutorKind.PROCESS}

    def _add(
        self,
        name: str,
        queue: str | None,
        payload: Any,
        limits: "_Limits",
        function: Callable[..., Any] | None = None,
        executor: ExecutorKind = ExecutorKind.THREAD,
        takes_context: bool = False,
    ) -> None:
        for kind, value in (("job type", name), ("queue", queue or name)):
            if not _NAME.fullmatch(value):
                raise ConfigurationError(f"{kind} name {value!r}: use up to 100 letters, digits, '_', '-' and '.'")
        if name in self._types:
            raise ConfigurationError(f"job type {name!r} is declared twice")
        options = limits.options(name)
        self._types[name] = JobType(
            name=name,
            queue=queue or name,
            payload=_payload_adapter(name, payload),
            function=function,
            takes_context=takes_context,
            executor=executor,
            attempts=limits.attempts,
            backoff=options.backoff,
            own_backoff=limits.backoff if callable(limits.backoff) else None,
            timeout=options.timeout,
            description=inspect.getdoc(function) or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """The limits in a declaration, not yet validated."""

    attempts: int
    backoff: AnyBackoff | None
    timeout: float | str | None = None

    def options(self, name: str) -> JobOptions:
        """The limits as job options; raises ConfigurationError."""
        fixed = None if callable(self.backoff) else self.backoff or None
        try:
            return JobOptions.model_validate({"attempts": self.attempts, "backoff": fixed, "timeout": self.timeout})
        except ValidationError as error:
            problems = "; ".join(f"{one.path}: {one.message}" for one in field_problems(error, ""))
            raise ConfigurationError(f"job type {name!r}: {problems}") from None


def _payload_adapter(name: str, payload: Any) -> TypeAdapter[Any]:
    """The payload's type, which must have a JSON Schema: forms, the record and other languages need it."""
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(payload)
        adapter.json_schema()
    except PydanticUserError as error:
        raise ConfigurationError(f"job type {name!r}: the payload has no JSON Schema: {error.message}") from error
    return adapter

"""An exception as it is recorded: type, message, and the stack trace of the user's frames and of every cause.

Local variables and passwords in URLs must never be kept, nor more than a bounded length.
"""

import concurrent.futures.thread
import threading
import traceback
from itertools import dropwhile
from pathlib import Path
from types import FrameType, TracebackType

from herdbook.model.masking import mask_passwords
from herdbook.model.outcome import ErrorReport
from herdbook.model.storable import storable_text

# Characters of an error that are kept.
_LONGEST_TYPE = 200
_LONGEST_MESSAGE = 2_000
_LONGEST_TRACE = 20_000
# The frames between our event loop, or a job's process, and the user's function.
_OURS = Path(__file__).parent.parent
_MACHINERY = frozenset(
    {
        str(_OURS / name)
        for name in ("model/outcome.py", "execution/run.py", "model/registry.py", "execution/processes/child.py")
    }
    | {concurrent.futures.thread.__file__, threading.__file__}
)


def report_error(error: BaseException, *, trace: str | None = None) -> ErrorReport:
    """The error as it is recorded; `trace` instead of its own stack trace."""
    return ErrorReport(
        type=_storable(type(error).__qualname__, _LONGEST_TYPE),
        message=_storable(_said(error), _LONGEST_MESSAGE),
        stack_trace=_storable(trace or _trace(error), _LONGEST_TRACE),
    )


def stack_text(frame: FrameType | None) -> str | None:
    """Where a function is that still runs, from where the user's code begins."""
    if frame is None:
        return None
    frames = dropwhile(lambda one: one.filename in _MACHINERY, traceback.extract_stack(frame))
    return "It was here (most recent call last):\n" + "".join(traceback.format_list(list(frames)))


def crash_text(dump: str) -> str | None:
    """The stack that a dying process wrote (see `faulthandler`), without our frames; None when it wrote none."""
    ours = tuple(f'File "{name}"' for name in (*_MACHINERY, "<string>"))
    stack = dump.partition("\n\nExtension modules: ")[0].strip()
    return "\n".join(line for line in stack.splitlines() if not line.strip().startswith(ours)) or None


def _trace(error: BaseException) -> str:
    # Says of itself that it captures no locals; a chain of causes is cut by `_storable`.
    found = traceback.TracebackException(
        type(error), error, _users_part(error.__traceback__), capture_locals=False, compact=True
    )
    return "".join(found.format())


def _users_part(frames: TracebackType | None) -> TracebackType | None:
    """The trace from where the user's code begins; nothing where that is nowhere."""
    users = frames
    while users is not None and users.tb_frame.f_code.co_filename in _MACHINERY:
        users = users.tb_next
    return users


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        return f"{type(error).__qualname__} (its message cannot be read)"
    if isinstance(error, KeyError):
        # Its message is the key alone.
        return f"there is no {text}"
    return text or type(error).__qualname__


def _storable(text: str, longest: int) -> str:
    """The text without passwords, and without what PostgreSQL cannot store."""
    # First cut wide, so that masking has bounded work and no half password ends up in what is kept.
    text = mask_passwords(_both_ends(text, 2 * longest))
    return _both_ends(storable_text(text), longest)


def _both_ends(text: str, longest: int) -> str:
    """Of a long text the begin and the end: that is where the first cause and the error stand."""
    third = longest // 3
    return text if len(text) <= longest else f"{text[:third]}[…]{text[-2 * third :]}"

"""Takes calls of functions that are to run outside of the worker's process.

Gives what they came to; a process that dies takes its own call with it, and no other.
Never outlives the worker.
"""

from herdbook.execution.processes.pool import ProcessPool
from herdbook.execution.processes.wire import Call

__all__ = ["Call", "ProcessPool"]

"""Runs functions outside of the worker's process; a process that dies takes its own call with it, and no other."""

from herdbook.execution.processes.pool import ProcessPool
from herdbook.execution.processes.wire import Call

__all__ = ["Call", "ProcessPool"]

"""The command line: one module per command, each leaving the work to the part of Herdbook that does it."""

from herdbook.cli.main import main

__all__ = ["main"]

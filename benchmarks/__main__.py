"""Runs the benchmarks and prints the figures with their targets: `make bench ARGS="path --rounds 5 --json bench.json"`.

path        each station of a job's path alone (the default)
sustained   all of them at once
realistic   jobs that do something: wait, keep processors busy, carry 100 KB
operating   retrying all that failed
scale       a job's cost when many wait or are recorded, a second worker, memory in Redis
pages       what each page costs
end-to-end  what a user gets: bursts over HTTP to a plain `herdbook up`, beside the bare drain of BullMQ for Node
compare     this checkout against an older one, in turn: `make bench ARGS="compare OLD_CHECKOUT"`

With --against the path is measured beside other systems, installed on demand: `make bench ARGS="--against all"`.

Ratios come with a 95 % confidence interval of their median. It needs at least 6 rounds; "faster" or "slower" is only
printed when the interval excludes 1.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from benchmarks import against, checkouts, end_to_end, operating, pages, path, realistic, report, scale, sustained
from benchmarks.against.report import charts, markdown, to_json
from benchmarks.against.systems import OURS, REFERENCE
from benchmarks.processes import servers
from benchmarks.report import Report, gathered
from benchmarks.stand import Figures
from herdbook.cli.event_loop import run_on_fast_loop
from herdbook.settings import Settings

JOBS = {
    "path": 10_000,
    "sustained": 200_000,
    "realistic": 3_000,
    "operating": 10_000,
    "scale": 20_000,
    "end-to-end": 20_000,
    "compare": 10_000,
}
# Of what is compared. Even, so that two systems come first equally often; with 10 rounds an outlier at either end of
# the ratios is left out of the 95 % interval.
ROUNDS, COMPARED_ROUNDS = 3, 10
COMPARED = ("end-to-end", "compare")
QUEUED, RECORDED = "10000,100000,1000000", "0,1000000,5000000"
Measure = Callable[..., Coroutine[Any, Any, list[Figures]]]


def main() -> None:
    """Measure what is asked for."""
    # As an exception, so that no process is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    parser = _parser()
    given = parser.parse_args()
    given.jobs = given.jobs or JOBS.get(given.what)
    given.rounds = given.rounds or (COMPARED_ROUNDS if given.against or given.what in COMPARED else ROUNDS)
    if given.against and given.what != "path":
        parser.error("--against measures the path, and nothing else")
    if (given.what == "compare") != bool(given.checkout):
        parser.error("compare, and nothing else, needs the folder of an older checkout")
    if given.against:
        _against(parser, given)
    elif given.what == "compare":
        _compare(given)
    elif given.what == "end-to-end":
        _write(given, end_to_end.measure(jobs=given.jobs, rounds=given.rounds))
    elif given.what == "pages":
        _pages(parser, given)
    elif given.what == "scale":
        _scale(given)
    else:
        _stations(given)


def _stations(given: argparse.Namespace) -> None:
    how = {"jobs": given.jobs, "rounds": given.rounds}
    if given.what in ("path", "sustained"):
        how["concurrency"] = given.concurrency
    measures: dict[str, Measure] = {
        "path": path.measure,
        "sustained": sustained.measure,
        "realistic": realistic.measure,
        "operating": operating.measure,
    }
    with servers() as settings:
        environment = asyncio.run(report.surroundings(settings))
        figures = gathered(run_on_fast_loop(measures[given.what](settings, **how)))
    _write(given, Report(environment=environment | how, figures=figures))


def _scale(given: argparse.Namespace) -> None:
    with servers() as settings:
        environment = asyncio.run(report.surroundings(settings))
    sizes = {"queued": given.queued, "recorded": sizes_of(RECORDED) if given.rows is None else given.rows}
    figures = scale.measure(**sizes, jobs=given.jobs, rounds=given.rounds)
    environment |= {"jobs": given.jobs, "rounds": given.rounds}
    _write(given, Report(environment=environment, figures=figures, charts=scale.charts(figures, **sizes)))


def _write(given: argparse.Namespace, found: Report) -> None:
    report.write(found, json_file=given.json, charts=given.charts)


def _pages(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    sizes = given.rows or sizes_of("10000,100000,1000000")
    if min(sizes) < pages.FEWEST:
        parser.error(f"--rows: at least {pages.FEWEST:,} rows, for there to be a 200th page")
    found = {}
    for rows in sizes:
        with servers() as settings:
            found[rows] = asyncio.run(pages.measure(settings, rows))
    for name, value in report.machine().items():
        sys.stdout.write(f"{name:26} {value}\n")
    pages.write_table(found)
    if given.json:
        report.write_json(given.json, report.machine() | {"sizes": found})


def _against(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    names = against.ALL if given.against == "all" else given.against.split(",")
    unknown = sorted(set(names) - set(against.ALL))
    if unknown:
        parser.error(f"--against: no {', '.join(unknown)} here; there are {', '.join(against.ALL)}")
    wanted = [name for name in against.ALL if name in {OURS, REFERENCE, *names}]
    results = against.compare(wanted, jobs=given.jobs, rounds=given.rounds)
    sys.stdout.write(markdown(results))
    if given.json:
        report.write_json(given.json, to_json(results))
    if given.charts:
        charts(results, given.charts)


def _compare(given: argparse.Namespace) -> None:
    results = checkouts.measure(given.checkout, jobs=given.jobs, rounds=given.rounds)
    sys.stdout.write(checkouts.text(results))
    if given.json:
        report.write_json(given.json, checkouts.to_json(results))


def sizes_of(text: str) -> list[int]:
    """Numbers from a text that has commas between them, the smallest first."""
    return sorted(int(one) for one in text.split(","))


def at_least(least: int) -> Callable[[str], int]:
    """What parses a number that must not be smaller: rates of fewer jobs mean nothing."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"at least {least:,}")
        return int(text)

    return number


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__, formatter_class=form)
    parser.add_argument("what", nargs="?", choices=(*JOBS, "pages"), default="path", help="what is measured")
    parser.add_argument("checkout", nargs="?", type=Path, metavar="OLD_CHECKOUT", help="compare: folder of the old one")
    parser.add_argument("--against", metavar="NAMES", help="other systems, separated by commas, or `all`")
    jobs = ", ".join(f"{what} {number}" for what, number in JOBS.items())
    parser.add_argument("--jobs", type=at_least(100), help=f"jobs per measurement; not for pages. Default: {jobs}")
    rounds = f"{COMPARED_ROUNDS} for {', '.join(COMPARED)} and --against, else {ROUNDS}"
    parser.add_argument(
        "--rounds", type=at_least(1), help=f"how often everything is measured; not for pages. Default: {rounds}"
    )
    words = "path, sustained: jobs that the worker runs at once. Default: %(default)s"
    parser.add_argument("--concurrency", type=at_least(1), default=Settings().concurrency, help=words)
    parser.add_argument("--queued", type=sizes_of, default=QUEUED, help=f"scale: jobs that wait. Default: {QUEUED}")
    parser.add_argument(
        "--rows", type=sizes_of, help=f"pages, scale: jobs in the record. Default for scale: {RECORDED}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="scale, --against: draw them")
    return parser


if __name__ == "__main__":
    main()

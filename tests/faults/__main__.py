"""Runs scenarios: `python -m tests.faults [NAME …] [--jobs N] [--seed S]`, all of them unless some are named."""

import argparse
import asyncio
import random
import signal
import sys
import traceback
from pathlib import Path
from time import monotonic

from .catalogue import SCENARIOS
from .fence import examine_on_a_server
from .report import write_table
from .scenario import Outcome, Scenario, run_scenario

_SHOWN = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios, or parts of their names (default: all)")
    parser.add_argument("--jobs", type=int, help="jobs of each scenario (default: its own number)")
    parser.add_argument("--seed", type=int, help="seed of the run (default: a random one, which is printed)")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--logs", action="store_true", help="print the logs of scenarios that found something")
    parser.add_argument("--examples", type=int, default=300, help="jobs of the fence's model (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the servers keep their data (default: a temporary folder)")
    given = parser.parse_args()
    chosen = [one for one in SCENARIOS if not given.names or any(name in one.name for name in given.names)]
    if given.list:
        for one in chosen:
            print(f"{one.jobs:7,}  {one.name}")
        return 0
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    # So that what was started ends with us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = monotonic()
    if not given.names:
        print(f"the fence as a model: {given.examples:,} jobs …", flush=True)
        examine_on_a_server(given.examples, folder=given.folder)
    outcomes = [_run(one, given, seed) for one in chosen]
    if not given.names and given.jobs is None:
        write_table(outcomes, seed=seed, minutes=(monotonic() - begun) / 60)
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def _run(scenario: Scenario, given: argparse.Namespace, seed: int) -> Outcome:
    print(f"{scenario.name}: seed {seed} …", flush=True)
    jobs = given.jobs or scenario.jobs
    try:
        outcome = asyncio.run(run_scenario(scenario, jobs=jobs, seed=seed, folder=given.folder))
    except Exception as error:
        traceback.print_exc()
        outcome = Outcome.of_failed(scenario, seed, error)
    tell(outcome, with_logs=given.logs)
    return outcome


def tell(outcome: Outcome, *, with_logs: bool) -> None:
    """Print what a run came to."""
    print(
        f"  {outcome.happened}: {outcome.jobs:,} jobs, {outcome.executions:,} executions, lost {outcome.lost}, "
        f"backward {outcome.backward}, unexplained {outcome.unexplained}, wrongly failed {outcome.wrongly_failed}, "
        f"calm after {outcome.calm:.1f} s" + (f", run again within {outcome.again:.1f} s" if outcome.again else ""),
        flush=True,
    )
    for sentence in outcome.findings[:_SHOWN]:
        print(f"  !! {sentence[:400]}")
    if len(outcome.findings) > _SHOWN:
        print(f"  !! and {len(outcome.findings) - _SHOWN:,} more")
    if with_logs:
        print(outcome.logs[-4_000:])


if __name__ == "__main__":
    sys.exit(main())

"""The comparison with other systems: same machine, same run, same way to measure."""

from benchmarks.against.comparing import compare
from benchmarks.against.results import Results
from benchmarks.against.systems import SYSTEMS

ALL = [system.name for system in SYSTEMS]

__all__ = ["ALL", "Results", "compare"]

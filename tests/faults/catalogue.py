"""All scenarios, in the order of the table."""

from . import deaths, limits, lines, lost_redis, malformed

_PARTS = (deaths, lost_redis, lines, limits, malformed)
SCENARIOS = [scenario for part in _PARTS for scenario in part.scenario.by_name.values()]

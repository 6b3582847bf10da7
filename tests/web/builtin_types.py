"""The built-in job types that people publish."""

from herdbook.job_types.assembly import build_registry
from herdbook.record.database import Database
from herdbook.settings import Settings

BUILTIN = {one.name: one for one in build_registry(Settings(), Database("", size=1)) if not one.is_reserved}

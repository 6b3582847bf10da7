"""Takes a program's job types.

Gives them a place in the record as soon as PostgreSQL is there, so that SQL can publish by their names.
Never holds up the program's start.
"""

from herdbook.registry import Registry
from herdbook.service import Service
from herdbook.store.pool import Record
from herdbook.store.types import declare_job_types


class Declaration(Service):
    """Writes the job types into the record, once."""

    name = "declaration"

    def __init__(self, record: Record, registry: Registry) -> None:
        super().__init__()
        self._record = record
        self._registry = registry

    async def round(self) -> float:
        """Declare them; once is enough."""
        async with self._record.connection() as connection:
            await declare_job_types(connection, self._registry)
        self.quiet()
        return 0

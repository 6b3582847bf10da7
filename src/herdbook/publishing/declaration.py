"""Records a program's job types, so that SQL can publish by their names.

It runs in the background, so that the program starts without PostgreSQL.
"""

from herdbook.model.registry import Registry
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.service import Service


class Declaration(Service):
    """Writes the job types to the record, once."""

    name = "declaration"

    def __init__(self, database: Database, registry: Registry) -> None:
        super().__init__()
        self._database = database
        self._registry = registry

    async def round(self) -> float:
        """Declare the job types; one success is enough."""
        async with self._database.connection() as connection:
            await declare_job_types(connection, self._registry)
        self.quiet()
        return 0

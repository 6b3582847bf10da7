-- These jobs as a list shows them.
SELECT {columns} FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[]))

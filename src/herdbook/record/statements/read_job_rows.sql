-- What a list shows of these jobs.
SELECT {columns} FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[]))

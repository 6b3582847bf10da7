SELECT id, status FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[]))

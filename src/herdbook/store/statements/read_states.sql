-- The states of jobs that an action did not change.
SELECT id, status FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[]))

-- Why deliveries could not be claimed: the job's recorded state, or no row at all.
SELECT id, generation, status, result::text, error_message FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[]))

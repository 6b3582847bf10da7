-- The recorded states of deliveries that may not run, or whose result was not accepted; no row for unknown jobs.
SELECT id, generation, status, result::text, error_message FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[])) AND queue = $2

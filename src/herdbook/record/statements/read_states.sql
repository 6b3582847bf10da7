-- What the record says of deliveries that may not run, or whose result it does not want; or no row at all.
SELECT id, generation, status, result::text, error_message FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[])) AND queue = $2

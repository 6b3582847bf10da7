-- How long each of these jobs has been due; a claim measures the same.
SELECT id, greatest(0, extract(epoch FROM now() - coalesce(
           run_at, CASE WHEN attempt = 0 AND generation = 0 THEN created_at ELSE updated_at END)))::float8 AS seconds
FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[])) AND status = 'pending'

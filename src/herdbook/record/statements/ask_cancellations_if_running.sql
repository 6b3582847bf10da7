-- Requests that the workers of these jobs cancel them.
INSERT INTO herdbook.cancellations (job, generation, reason)
SELECT id, generation, $2 FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[])) AND status = 'processing'
ON CONFLICT (job) DO UPDATE SET generation = excluded.generation, reason = excluded.reason, asked_at = now()
RETURNING job AS id

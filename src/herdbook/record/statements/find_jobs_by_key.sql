-- The jobs that hold these idempotency keys.
SELECT id, idempotency_key, fingerprint
FROM herdbook.jobs
WHERE idempotency_key = ANY (CAST($1 AS text[]))

-- The jobs that took these idempotency keys first.
SELECT id, idempotency_key, fingerprint
FROM herdbook.jobs
WHERE idempotency_key = ANY (CAST($1 AS text[]))

-- The open operation that has waited longest for its next batch, unless another relay is working on it.
SELECT * FROM herdbook.operations
WHERE finished_at IS NULL
ORDER BY updated_at, id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED

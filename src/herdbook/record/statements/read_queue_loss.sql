-- The last loss of a Redis, if it was noticed within the last hour.
SELECT lost_at, swept_at, redelivered, extract(epoch FROM now() - lost_at)::float8 AS age
FROM herdbook.queue_epochs
WHERE prefix = $1 AND lost_at > now() - interval '1 hour'

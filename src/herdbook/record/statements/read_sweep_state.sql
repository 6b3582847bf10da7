-- Whether Redis lost writes and has not been compared since for $2 seconds after the loss; and whether the next
-- comparison is due, $3 seconds after the last one.
SELECT lost_at IS NOT NULL AND (swept_at IS NULL OR swept_at < lost_at + $2 * interval '1 second') AS is_recent,
       swept_at IS NULL OR swept_at < now() - $3 * interval '1 second' AS is_due
FROM herdbook.queue_epochs
WHERE prefix = $1

-- The problem is over. $2 is the job that notifies of that, NULL if nobody is notified.
UPDATE herdbook.incidents SET resolved_at = now(), resolving_job = $2
WHERE id = $1 AND resolved_at IS NULL
RETURNING *

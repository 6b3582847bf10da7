-- It is well again. $2 is the job that tells of it, NULL when nobody is told.
UPDATE herdbook.incidents SET resolved_at = now(), resolving_job = $2
WHERE id = $1 AND resolved_at IS NULL
RETURNING *

-- The job's outbox entry: since when it has been waiting for the relay, and why the queue last refused it.
SELECT created_at AS since, tries, deliver_after, error_message
FROM herdbook.outbox WHERE job = $1 AND action IN ('add', 'promote') ORDER BY id LIMIT 1

-- The job's place in the outbox: since when it waits for the relay, and why the queue refused it last.
SELECT created_at AS since, tries, deliver_after, error_message
FROM herdbook.outbox WHERE job = $1 AND action IN ('add', 'promote') ORDER BY id LIMIT 1

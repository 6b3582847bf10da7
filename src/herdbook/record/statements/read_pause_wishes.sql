-- What operators want of queues, and how many seconds ago they said so.
SELECT name, paused, extract(epoch FROM now() - updated_at)::float8 AS age FROM herdbook.queues

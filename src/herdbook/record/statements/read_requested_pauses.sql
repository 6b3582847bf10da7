-- Whether operators want each queue paused, and the age of that request in seconds.
SELECT name, paused, extract(epoch FROM now() - updated_at)::float8 AS age FROM herdbook.queues

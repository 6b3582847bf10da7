-- How many jobs wait for the relay, the age in seconds of the oldest, and what the queue said last.
SELECT count(*) AS depth,
       coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age,
       max(error_message) AS error_message
FROM herdbook.outbox

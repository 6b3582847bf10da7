-- The number of outbox entries, the age of the oldest in seconds, and an error with which the queue refused one.
SELECT count(*) AS depth,
       coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age,
       max(error_message) AS error_message
FROM herdbook.outbox

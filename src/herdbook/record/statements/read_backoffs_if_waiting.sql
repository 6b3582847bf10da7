-- Deliveries whose job is waiting for its next attempt, and how many milliseconds of that wait are left. `number` is the
-- index of the delivery among the parameters.
SELECT d.number - 1 AS number, ceil(1000 * extract(epoch FROM j.run_at - now()))::bigint AS left_ms
FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int[])) WITH ORDINALITY AS d (id, generation, number)
JOIN herdbook.jobs j ON j.id = d.id
WHERE j.status = 'pending' AND d.generation IN (j.generation, -1) AND j.attempt > 0 AND j.run_at > now()

-- Deliveries whose job is pending and has recorded no attempt this recent: as far as the record shows, nothing else is
-- running the job. `number` is the index of the delivery among the parameters.
SELECT d.number - 1 AS number, j.progress::text, j.timeout_ms, j.attempts_made, now() AS started_at,
       greatest(0, 1000 * extract(epoch FROM now() - coalesce(j.run_at, j.updated_at)))::bigint AS waited_ms
FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[])) WITH ORDINALITY
    AS d (id, generation, attempt, number)
JOIN herdbook.jobs j ON j.id = d.id
WHERE j.status = 'pending' AND j.generation = d.generation AND j.attempt < d.attempt AND j.queue = $4

-- Progress of running attempts; a late writer changes nothing.
UPDATE herdbook.jobs j
SET progress = p.progress::jsonb, updated_at = now()
FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[]), CAST($4 AS text[]))
    AS p (id, generation, attempt, progress)
WHERE j.id = p.id AND j.generation = p.generation AND j.attempt = p.attempt AND j.status = 'processing'

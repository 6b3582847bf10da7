-- The fence: an attempt claims its job only if it is newer than the recorded one and the job is not
-- over. A failed job may run again only if the queue has counted the failed attempt (it was retried in
-- the queue itself); if not, its worker died between recording and acknowledging.
-- An attempt that is overtaken while it still runs is recorded as lost. If the reply to an earlier call may have been
-- lost, a repeat ($8) recognises this worker's own claim. `number` is the index of the attempt among the parameters.
-- Generation -1 is that of another client's job, whose id does not tell it; its attempts are counted on from one
-- generation to the next, so that their numbers suffice.
WITH delivered AS (
    SELECT d.id, d.generation, d.attempt, d.attempts_made, coalesce(d.started_at, now()) AS started_at, d.number
    FROM unnest(CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[]), CAST($4 AS int[]), CAST($6 AS timestamptz[]))
        WITH ORDINALITY AS d (id, generation, attempt, attempts_made, started_at, number)
), before AS (
    SELECT j.id, j.generation, j.attempt, j.worker, j.started_at, j.waited_ms
    FROM herdbook.jobs j JOIN delivered d ON d.id = j.id
    WHERE j.status = 'processing'
), claimed AS (
    UPDATE herdbook.jobs j
    SET status = 'processing', attempt = d.attempt, worker = $5, started_at = d.started_at, updated_at = now(),
        completed_at = NULL, run_at = NULL,
        waited_ms = greatest(0, 1000 * extract(epoch FROM d.started_at - coalesce(j.run_at, j.updated_at)))
    FROM delivered d
    WHERE j.id = d.id AND d.generation IN (j.generation, -1) AND j.queue = coalesce($7, j.queue)
      AND ((j.attempt < d.attempt
            AND (j.status IN ('pending', 'processing')
                 OR (j.status = 'failed' AND d.attempts_made >= j.attempts_made)))
           OR (CAST($8 AS boolean) AND j.attempt = d.attempt AND j.status = 'processing' AND j.worker = $5))
    RETURNING d.number, j.id, j.generation, j.attempt, j.progress::text, j.timeout_ms, j.attempts_made, j.started_at,
              j.waited_ms
), lost AS (
    INSERT INTO herdbook.job_attempts (
        job, generation, attempt, worker, started_at, ended_at, waited_ms, outcome, error_type, error_message
    )
    SELECT b.id, b.generation, b.attempt, b.worker, b.started_at, now(), b.waited_ms, 'lost', 'WorkerLost',
           'the worker vanished or lost the job''s lock before the attempt ended'
    FROM before b JOIN claimed c ON c.id = b.id AND b.attempt < c.attempt
    ON CONFLICT DO NOTHING
)
SELECT number - 1 AS number, generation, progress, timeout_ms, attempts_made, started_at, waited_ms FROM claimed

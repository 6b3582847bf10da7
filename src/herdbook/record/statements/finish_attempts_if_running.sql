-- Records the outcomes of attempts, each only if it is still the current attempt of its job: the record has it as
-- running, or it has the job as pending and has recorded no attempt this recent (one that ended before its start was
-- saved). Once the job is final, its callback is published; in an expression that costs other jobs nothing, unlike
-- another INSERT. `number` is the index of the attempt among the parameters: a batch may have two of one job.
WITH ended AS (
    SELECT * FROM unnest(
        CAST($1 AS uuid[]), CAST($2 AS int[]), CAST($3 AS int[]), CAST($4 AS text[]), CAST($5 AS text[]),
        CAST($6 AS text[]), CAST($7 AS text[]), CAST($8 AS text[]), CAST($9 AS text[]), CAST($10 AS bigint[]),
        CAST($11 AS int[]), CAST($12 AS text[]), CAST($14 AS timestamptz[])
    ) WITH ORDINALITY AS e (id, generation, attempt, status, outcome, result, error_type, error_message, stack_trace, after,
            attempts_made, progress, started_at, number)
), finished AS (
    UPDATE herdbook.jobs j
    SET status = e.status::herdbook.job_status,
        result = e.result::jsonb,
        error_message = e.error_message,
        progress = coalesce(e.progress::jsonb, j.progress),
        run_at = now() + e.after * interval '1 millisecond',
        attempt = e.attempt,
        attempts_made = e.attempts_made,
        started_at = CASE WHEN j.status = 'pending' THEN e.started_at ELSE j.started_at END,
        waited_ms = CASE WHEN j.status = 'pending' THEN
            greatest(0, 1000 * extract(epoch FROM e.started_at - coalesce(j.run_at, j.updated_at))) ELSE j.waited_ms END,
        worker = NULL,
        updated_at = now(),
        completed_at = CASE WHEN e.status = 'pending' THEN NULL ELSE now() END
    FROM ended e
    WHERE j.id = e.id AND j.generation = e.generation
      AND ((j.status = 'processing' AND j.attempt = e.attempt AND j.worker = $13)
           OR (j.status = 'pending' AND j.attempt < e.attempt))
    RETURNING e.number, j.id, j.generation, j.attempt, j.started_at, j.waited_ms, j.callback_url, j.job_type, j.status, j.result,
              j.error_message, j.completed_at
), written AS (
    INSERT INTO herdbook.job_attempts (
        job, generation, attempt, worker, started_at, ended_at, waited_ms, outcome, error_type, error_message, stack_trace
    )
    SELECT f.id, f.generation, f.attempt, $13, f.started_at, now(), f.waited_ms, e.outcome::herdbook.attempt_outcome,
           e.error_type, e.error_message, e.stack_trace
    FROM finished f JOIN ended e ON e.id = f.id AND e.generation = f.generation AND e.attempt = f.attempt
)
SELECT number - 1 AS number,
       CASE WHEN callback_url IS NOT NULL AND completed_at IS NOT NULL THEN
           herdbook.publish_callback(callback_url, id, job_type, status, result, error_message, completed_at)
       END AS callback
FROM finished

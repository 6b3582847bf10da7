-- Jobs $1 to $2 of $3, spread over the last seven days in the order of their ids: six types in five queues, about
-- 300 bytes of data each; 1 in 100 failed after three tries, 1 in 20 of the others took two, 1 in 1,000 was
-- cancelled, about 40 wait for a time and as many for a worker. All have the attempts that belong to them, and what
-- is to be delivered is in the outbox.
WITH numbered AS (
    SELECT n,
           now() - interval '7 days' * (1 - CAST(n AS float8) / CAST($3 AS bigint)) AS created_at,
           1 + n % 6 AS kind,
           power(10, 2 * random()) AS wait, 20 * power(10, 2 * random()) AS run,
           CASE WHEN n > $3 - 40 OR n % ($3 / 40) = 1 THEN 'pending'
                WHEN n % 101 = 7 THEN 'failed' WHEN n % 1009 = 3 THEN 'cancelled' ELSE 'completed' END AS status
    FROM generate_series(CAST($1 AS bigint), CAST($2 AS bigint)) AS n
), drawn AS MATERIALIZED (
    SELECT *,
           encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
               substring(int8send((extract(epoch FROM created_at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
               'hex')::uuid AS id,
           CASE status WHEN 'failed' THEN 3 WHEN 'completed' THEN 1 + (n % 20 = 0)::int ELSE 0 END AS tries,
           CASE WHEN status IN ('completed', 'failed') THEN created_at + make_interval(secs => wait / 1000) END
               AS started_at,
           CASE WHEN status = 'cancelled' THEN created_at
                WHEN status <> 'pending' THEN created_at + make_interval(secs => (wait + run) / 1000) END AS completed_at,
           CASE WHEN status = 'failed' THEN (ARRAY[
               concat('connection to 10.0.', n % 250, '.', n % 199, ':5432 refused after ', n % 30, ' s'),
               concat('order ', n, ' was not found'),
               concat('503 from https://api.example.com/v1/messages/', md5(n::text)),
               'no answer within 30 s'])[1 + n % 4] END AS error
    FROM numbered
), recorded AS (
    INSERT INTO herdbook.jobs (
        id, job_id, queue, job_type, status, job_data, result, error_message, run_at, max_attempts, attempt,
        attempts_made, waited_ms, created_at, updated_at, started_at, completed_at
    )
    SELECT id, id::text, (ARRAY['email', 'notification', 'report', 'orders', 'media', 'media'])[kind],
           (ARRAY['email', 'notification', 'report', 'ship-order', 'thumbnail', 'transcode'])[kind],
           status::herdbook.job_status,
           jsonb_build_object('to', concat('customer-', n, '@example.com'), 'subject', concat('Order ', n, ' left'),
                              'text', concat_ws(' ', 'It is on its way:', md5(n::text), md5((n + 1)::text),
                                                md5((n + 2)::text), md5((n + 3)::text), md5((n + 4)::text))),
           CASE WHEN status = 'completed' THEN jsonb_build_object('accepted', 1, 'messageId', md5(n::text)) END,
           error, CASE WHEN status = 'pending' AND n <= $3 - 40 THEN now() + interval '1 hour' * (1 + n % 48) END, 3,
           tries, tries, CASE WHEN tries > 0 THEN wait END, created_at, coalesce(completed_at, created_at), started_at,
           completed_at
    FROM drawn
), tried AS (
    INSERT INTO herdbook.job_attempts (
        job, generation, attempt, worker, started_at, ended_at, waited_ms, outcome, error_type, error_message,
        stack_trace
    )
    SELECT id, 0, try, 'worker-1', completed_at - make_interval(secs => tries - try + run / 1000),
           completed_at - make_interval(secs => tries - try), wait,
           CASE WHEN try < tries THEN 'retry' ELSE status END::herdbook.attempt_outcome,
           CASE WHEN try < tries OR status = 'failed' THEN 'ConnectionError' END,
           CASE WHEN try < tries OR status = 'failed' THEN coalesce(error, 'no answer within 30 s') END,
           CASE WHEN try < tries OR status = 'failed' THEN repeat(E'  File "app.py", line 17, in send\n', 20) END
    FROM drawn CROSS JOIN LATERAL generate_series(1, tries) AS try
)
INSERT INTO herdbook.outbox (job)
SELECT id FROM drawn WHERE status = 'pending'

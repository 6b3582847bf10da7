-- A job of another client that its queue no longer has gets an id of ours there, and is delivered under it.
WITH replaced AS (
    UPDATE herdbook.jobs
    SET job_id = concat(id, '~', generation), updated_at = clock_timestamp()
    WHERE id = $1 AND job_id = $2 AND status = 'pending' AND generation > 0
    RETURNING id
)
INSERT INTO herdbook.outbox (job) SELECT id FROM replaced

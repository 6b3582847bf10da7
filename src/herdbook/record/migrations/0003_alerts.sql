-- Alerts: what is wrong, or was, by the operator's rules. And callbacks: who wants to know what became of a job.

-- One row for each time that something was wrong; `opening_job` and `resolving_job` carry the news. No foreign keys:
-- those jobs may be deleted.
CREATE TABLE herdbook.incidents (
    id            uuid PRIMARY KEY,
    rule          text NOT NULL,
    kind          text NOT NULL,
    subject       text NOT NULL,
    message       text NOT NULL,
    opened_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at   timestamptz,
    opening_job   uuid,
    resolving_job uuid
);
CREATE UNIQUE INDEX incidents_open ON herdbook.incidents (rule, subject) WHERE resolved_at IS NULL;

ALTER TABLE herdbook.jobs ADD COLUMN callback_url text CHECK (length(callback_url) BETWEEN 1 AND 2083);

-- Tells `url` what became of a job, by a job. A large result stays out: whoever is told can read it.
CREATE FUNCTION herdbook.publish_callback(
    url           text,
    id            uuid,
    job_type      text,
    status        herdbook.job_status,
    result        jsonb,
    error_message text,
    completed_at  timestamptz
) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT herdbook.publish(
        'callback',
        jsonb_build_object('url', url, 'body', jsonb_build_object(
            'jobId', id, 'jobType', job_type, 'status', status,
            'result', CASE WHEN octet_length(result::text) <= 256000 THEN result END,
            'errorMessage', error_message, 'completedAt', completed_at
        )),
        queue => 'callbacks',
        attempts => 9,
        backoff => '{"type": "exponential", "delay": 10000, "jitter": 0.2}'
    )
$$;

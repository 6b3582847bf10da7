-- SQL can say who is called back, and an action on many jobs why they are cancelled.

-- Why jobs are cancelled; NULL where nobody said.
ALTER TABLE herdbook.operations ADD COLUMN reason text;

DROP FUNCTION herdbook.publish(text, jsonb, timestamptz, integer, integer, jsonb, text, interval);
CREATE FUNCTION herdbook.publish(
    job_type        text,
    job_data        jsonb,
    run_at          timestamptz DEFAULT NULL,
    priority        integer DEFAULT 0,
    attempts        integer DEFAULT NULL,
    backoff         jsonb DEFAULT NULL,
    queue           text DEFAULT NULL,
    timeout         interval DEFAULT NULL,
    callback_url    text DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    declared herdbook.job_types%ROWTYPE;
    new_id uuid := herdbook.new_job_id();
BEGIN
    SELECT t.* INTO declared FROM herdbook.job_types t WHERE t.name = publish.job_type;
    IF declared IS NULL AND publish.queue IS NULL THEN
        RAISE EXCEPTION 'unknown job type %', quote_literal(publish.job_type)
            USING HINT = 'Start a Herdbook program that declares it, or name its queue.';
    END IF;
    -- A host without a name or a password in front of it; a backslash would count as a slash.
    IF publish.callback_url !~* '^https?://[^[:space:]/?#@\\]+([/?#][^[:space:]]*)?$'
       OR length(publish.callback_url) > 2083 THEN
        RAISE EXCEPTION 'callback_url is not a URL that can be called'
            USING HINT = 'Give one of http or https, of at most 2083 characters, without a user name or a password.';
    END IF;
    INSERT INTO herdbook.jobs (
        id, job_id, queue, job_type, job_data, priority, run_at, max_attempts, backoff, timeout_ms, callback_url
    )
    VALUES (
        new_id, new_id::text, coalesce(publish.queue, declared.queue), publish.job_type, publish.job_data,
        publish.priority, publish.run_at, coalesce(publish.attempts, declared.attempts, 1),
        coalesce(publish.backoff, declared.backoff), (1000 * extract(epoch FROM publish.timeout))::bigint,
        publish.callback_url
    );
    INSERT INTO herdbook.outbox (job) VALUES (new_id);
    RETURN new_id;
END $$;

-- What watching and operating need: counts and figures that stay cheap as the record grows,
-- indexes for the lists, operators' actions on their way to the queue, and bulk operations.

-- `waited_ms`: how long the newest attempt waited from when it could have run until it was claimed.
-- `ended_badly` repeats the status of failed and cancelled jobs, and is NULL for all others: an index
-- on it is not touched by claiming and completing, which an index on the status would be.
-- `timeout_ms`: how long one try may take, where the job has a limit of its own.
ALTER TABLE herdbook.jobs
    ADD COLUMN waited_ms bigint,
    ADD COLUMN timeout_ms bigint CHECK (timeout_ms >= 1),
    ADD COLUMN ended_badly herdbook.job_status
        GENERATED ALWAYS AS (CASE WHEN status IN ('failed', 'cancelled') THEN status END) STORED;

CREATE INDEX jobs_ended_badly ON herdbook.jobs (ended_badly, id) WHERE ended_badly IS NOT NULL;
-- Scheduled jobs and those between two tries.
CREATE INDEX jobs_run_at ON herdbook.jobs (id) WHERE run_at IS NOT NULL;
-- What changed lately. A BRIN leaves updates HOT (PostgreSQL 16 and newer), and costs little else.
CREATE INDEX jobs_updated_at ON herdbook.jobs USING brin (updated_at) WITH (pages_per_range = 32, autosummarize = on);

ALTER TABLE herdbook.job_attempts ADD COLUMN waited_ms bigint;
CREATE INDEX job_attempts_ended_at ON herdbook.job_attempts
    USING brin (ended_at) WITH (pages_per_range = 32, autosummarize = on);

-- How many jobs are in each state: the sum of `job_counts` and of the changes that upkeep has not folded in
-- yet. Triggers write the changes, so that whoever touches a job, the counts are true.
CREATE TABLE herdbook.job_counts (
    queue    text NOT NULL,
    job_type text NOT NULL,
    status   herdbook.job_status NOT NULL,
    count    bigint NOT NULL,
    PRIMARY KEY (queue, job_type, status)
);
CREATE TABLE herdbook.job_count_changes (
    queue    text NOT NULL,
    job_type text NOT NULL,
    status   herdbook.job_status NOT NULL,
    change   bigint NOT NULL
);

CREATE FUNCTION herdbook.count_new_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO herdbook.job_count_changes
    SELECT queue, job_type, status, count(*) FROM jobs_after GROUP BY queue, job_type, status;
    RETURN NULL;
END $$;

CREATE FUNCTION herdbook.count_changed_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO herdbook.job_count_changes
    SELECT queue, job_type, status, sum(one)
    FROM (SELECT queue, job_type, status, 1 AS one FROM jobs_after
          UNION ALL SELECT queue, job_type, status, -1 FROM jobs_before) AS both_sides
    GROUP BY queue, job_type, status
    HAVING sum(one) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION herdbook.count_deleted_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO herdbook.job_count_changes
    SELECT queue, job_type, status, -count(*) FROM jobs_before GROUP BY queue, job_type, status;
    RETURN NULL;
END $$;

CREATE TRIGGER count_new AFTER INSERT ON herdbook.jobs
    REFERENCING NEW TABLE AS jobs_after FOR EACH STATEMENT EXECUTE FUNCTION herdbook.count_new_jobs();
CREATE TRIGGER count_changed AFTER UPDATE ON herdbook.jobs
    REFERENCING OLD TABLE AS jobs_before NEW TABLE AS jobs_after
    FOR EACH STATEMENT EXECUTE FUNCTION herdbook.count_changed_jobs();
CREATE TRIGGER count_deleted AFTER DELETE ON herdbook.jobs
    REFERENCING OLD TABLE AS jobs_before FOR EACH STATEMENT EXECUTE FUNCTION herdbook.count_deleted_jobs();

INSERT INTO herdbook.job_counts
SELECT queue, job_type, status, count(*) FROM herdbook.jobs GROUP BY queue, job_type, status;

-- Ended attempts in buckets of time, `resolution` seconds long, beginning at `at`. `run` and `wait` are histograms,
-- {"bucket": count}: bucket b counts times up to 10^(b/10) milliseconds that did not fit into bucket b - 1. An
-- empty queue and type stand for all together, so that reading those costs the same however many there are.
CREATE TABLE herdbook.figures (
    resolution integer NOT NULL,
    at         timestamptz NOT NULL,
    queue      text NOT NULL,
    job_type   text NOT NULL,
    completed  bigint NOT NULL,
    retried    bigint NOT NULL,
    failed     bigint NOT NULL,
    run        jsonb NOT NULL,
    wait       jsonb NOT NULL,
    PRIMARY KEY (resolution, at, queue, job_type)
);

-- What operators want of whole queues; the queue itself follows by way of the outbox.
CREATE TABLE herdbook.queues (
    name       text PRIMARY KEY,
    paused     boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- `add` and `promote` speak of a job of the record; `remove` of one in the queue (queue, job_id), whose row
-- may be gone; `pause` brings the queue to what herdbook.queues says; `clean` forgets its completed jobs.
CREATE TYPE herdbook.outbox_action AS ENUM ('add', 'remove', 'promote', 'pause', 'clean');
ALTER TABLE herdbook.outbox
    ADD COLUMN action herdbook.outbox_action NOT NULL DEFAULT 'add',
    ADD COLUMN queue text,
    ADD COLUMN job_id text,
    ALTER COLUMN job DROP NOT NULL,
    ADD CHECK (job IS NOT NULL OR action IN ('remove', 'pause', 'clean')),
    ADD CHECK (queue IS NOT NULL OR action IN ('add', 'promote')),
    ADD CHECK (job_id IS NOT NULL OR action <> 'remove');

-- One action on many jobs, done in batches; `cursor` is the last job that was looked at, newest first.
-- `wanted` is the filter, or {"ids": […]}; jobs newer than `newest` are left alone.
CREATE TYPE herdbook.operation_action AS ENUM ('retry', 'cancel', 'promote', 'delete');
CREATE TABLE herdbook.operations (
    id          uuid PRIMARY KEY,
    action      herdbook.operation_action NOT NULL,
    wanted      jsonb NOT NULL,
    newest      uuid NOT NULL,
    cursor      uuid,
    expected    bigint,
    changed     bigint NOT NULL DEFAULT 0,
    skipped     bigint NOT NULL DEFAULT 0,
    problems    jsonb NOT NULL DEFAULT '[]',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX operations_open ON herdbook.operations (id) WHERE finished_at IS NULL;

-- A try that asked to come back later.
ALTER TYPE herdbook.attempt_outcome ADD VALUE 'snoozed';

-- Publishing learns of time limits. A new parameter makes another function, so the old one goes.
DROP FUNCTION herdbook.publish(text, jsonb, timestamptz, integer, integer, jsonb, text);
CREATE FUNCTION herdbook.publish(
    job_type        text,
    job_data        jsonb,
    run_at          timestamptz DEFAULT NULL,
    priority        integer DEFAULT 0,
    attempts        integer DEFAULT NULL,
    backoff         jsonb DEFAULT NULL,
    queue           text DEFAULT NULL,
    timeout         interval DEFAULT NULL
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
    INSERT INTO herdbook.jobs (
        id, job_id, queue, job_type, job_data, priority, run_at, max_attempts, backoff, timeout_ms
    )
    VALUES (
        new_id, new_id::text, coalesce(publish.queue, declared.queue), publish.job_type, publish.job_data,
        publish.priority, publish.run_at, coalesce(publish.attempts, declared.attempts, 1),
        coalesce(publish.backoff, declared.backoff), (1000 * extract(epoch FROM publish.timeout))::bigint
    );
    INSERT INTO herdbook.outbox (job) VALUES (new_id);
    RETURN new_id;
END $$;

-- Running jobs that somebody wants cancelled, of this generation; their workers look here.
CREATE TABLE herdbook.cancellations (
    job        uuid PRIMARY KEY REFERENCES herdbook.jobs ON DELETE CASCADE,
    generation integer NOT NULL,
    reason     text NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now()
);

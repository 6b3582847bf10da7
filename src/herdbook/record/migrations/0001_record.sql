-- The record: every job, each of its attempts and log lines, and the outbox that the relay empties.

CREATE TYPE herdbook.job_status AS ENUM ('pending', 'processing', 'completed', 'failed', 'cancelled');
CREATE TYPE herdbook.attempt_outcome AS ENUM ('completed', 'retry', 'failed', 'cancelled', 'lost', 'released');

-- What the running programs declare, so that SQL can publish by the type's name alone.
CREATE TABLE herdbook.job_types (
    name           text PRIMARY KEY,
    queue          text NOT NULL,
    attempts       integer NOT NULL CHECK (attempts >= 1),
    backoff        jsonb,
    payload_schema jsonb NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- No index may name a column that claiming or finishing changes: those updates stay HOT, which
-- measured twice as cheap. `id` is a UUIDv7, so its primary key also gives newest first.
-- (queue, job_id) is unique by construction: job_id derives from id and generation.
CREATE TABLE herdbook.jobs (
    id              uuid PRIMARY KEY,
    job_id          text NOT NULL,
    queue           text NOT NULL CHECK (length(queue) BETWEEN 1 AND 100),
    job_type        text NOT NULL CHECK (length(job_type) BETWEEN 1 AND 200),
    status          herdbook.job_status NOT NULL DEFAULT 'pending',
    job_data        jsonb NOT NULL,
    result          jsonb,
    error_message   text,
    progress        jsonb,
    priority        integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 2097152),
    run_at          timestamptz,
    max_attempts    integer NOT NULL CHECK (max_attempts >= 1),
    backoff         jsonb,
    -- The newest attempt that was claimed (BullMQ's attempts started) and the tries that count.
    attempt         integer NOT NULL DEFAULT 0,
    attempts_made   integer NOT NULL DEFAULT 0,
    generation      integer NOT NULL DEFAULT 0,
    worker          text,
    idempotency_key text CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint     bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    completed_at    timestamptz,
    CHECK ((completed_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CHECK ((worker IS NOT NULL) = (status = 'processing'))
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX jobs_idempotency_key ON herdbook.jobs (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- No foreign key here and on the outbox: their rows are only ever written by the statement that
-- writes the job, and the check of each row costs more than the row.
CREATE TABLE herdbook.job_attempts (
    job           uuid NOT NULL,
    generation    integer NOT NULL,
    attempt       integer NOT NULL,
    worker        text,
    started_at    timestamptz,
    ended_at      timestamptz NOT NULL,
    outcome       herdbook.attempt_outcome NOT NULL,
    error_type    text,
    error_message text,
    stack_trace   text,
    PRIMARY KEY (job, generation, attempt)
);

CREATE TABLE herdbook.job_logs (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    job        uuid NOT NULL REFERENCES herdbook.jobs ON DELETE CASCADE,
    generation integer NOT NULL,
    attempt    integer NOT NULL,
    logged_at  timestamptz NOT NULL,
    message    text NOT NULL,
    PRIMARY KEY (job, id)
);

-- What the relay has still to carry to the queue.
CREATE TABLE herdbook.outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job           uuid NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    tries         integer NOT NULL DEFAULT 0,
    deliver_after timestamptz,
    error_message text
);

CREATE TABLE herdbook.workers (
    id           text PRIMARY KEY,
    host         text NOT NULL,
    pid          integer NOT NULL,
    queues       text[] NOT NULL,
    concurrency  integer NOT NULL,
    running      integer NOT NULL DEFAULT 0,
    state        text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'quiet')),
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
);

-- Wakes the relay at commit, whoever published.
CREATE FUNCTION herdbook.notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('herdbook_outbox', '');
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_notify AFTER INSERT ON herdbook.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION herdbook.notify_outbox();

-- A UUIDv7: 48 bits of Unix milliseconds in front of a random UUID, its version set to 7.
CREATE FUNCTION herdbook.new_job_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

-- Publishes a job inside the caller's transaction; returns its id. Options left out come from the
-- job type as the running programs declared it.
CREATE FUNCTION herdbook.publish(
    job_type        text,
    job_data        jsonb,
    run_at          timestamptz DEFAULT NULL,
    priority        integer DEFAULT 0,
    attempts        integer DEFAULT NULL,
    backoff         jsonb DEFAULT NULL,
    queue           text DEFAULT NULL
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
    INSERT INTO herdbook.jobs (id, job_id, queue, job_type, job_data, priority, run_at, max_attempts, backoff)
    VALUES (
        new_id, new_id::text, coalesce(publish.queue, declared.queue), publish.job_type, publish.job_data,
        publish.priority, publish.run_at, coalesce(publish.attempts, declared.attempts, 1),
        coalesce(publish.backoff, declared.backoff)
    );
    INSERT INTO herdbook.outbox (job) VALUES (new_id);
    RETURN new_id;
END $$;

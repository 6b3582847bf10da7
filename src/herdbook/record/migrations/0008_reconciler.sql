-- What tells a Redis that lost its newest writes from one that did not: a random epoch and a counter, kept beside the
-- queues and here. `lost_at` is when a loss was last noticed, `redelivered` how many jobs were delivered again for it.
CREATE TABLE herdbook.queue_epochs (
    prefix      text PRIMARY KEY,
    epoch       text NOT NULL,
    counter     bigint NOT NULL,
    lost_at     timestamptz,
    swept_at    timestamptz,
    redelivered bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Pending jobs that left Redis although it lost nothing: another program finished or removed them. They must not be
-- delivered again when Redis loses the rest.
CREATE TABLE herdbook.absent_jobs (
    job        uuid NOT NULL REFERENCES herdbook.jobs ON DELETE CASCADE,
    job_id     text NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job, job_id)
);

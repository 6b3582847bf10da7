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

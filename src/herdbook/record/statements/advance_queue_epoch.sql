-- Takes the epoch and counter that Redis has, and returns those that the record had: none for a new prefix.
WITH before AS (
    SELECT epoch, counter FROM herdbook.queue_epochs WHERE prefix = $1
), after AS (
    INSERT INTO herdbook.queue_epochs (prefix, epoch, counter) VALUES ($1, $2, $3)
    ON CONFLICT (prefix) DO UPDATE SET epoch = excluded.epoch, counter = excluded.counter
)
SELECT epoch, counter FROM before

-- Takes the epochs and counters that Redis has, under a name each, and returns those that the record had: none for a
-- name that is new to it.
WITH found AS (
    SELECT * FROM unnest(CAST($1 AS text[]), CAST($2 AS text[]), CAST($3 AS bigint[])) AS f (prefix, epoch, counter)
), before AS (
    SELECT e.prefix, e.epoch, e.counter FROM herdbook.queue_epochs e JOIN found f ON f.prefix = e.prefix
), after AS (
    INSERT INTO herdbook.queue_epochs AS e (prefix, epoch, counter)
    SELECT prefix, epoch, counter FROM found
    ON CONFLICT (prefix) DO UPDATE SET epoch = excluded.epoch, counter = excluded.counter
    WHERE (e.epoch, e.counter) <> (excluded.epoch, excluded.counter)
)
SELECT prefix, epoch, counter FROM before

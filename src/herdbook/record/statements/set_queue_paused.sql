-- What an operator wants of a queue; the outbox row makes the relay bring it there.
WITH wanted AS (
    INSERT INTO herdbook.queues (name, paused) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, updated_at = now()
    RETURNING name
)
INSERT INTO herdbook.outbox (action, queue)
SELECT 'pause', name FROM wanted

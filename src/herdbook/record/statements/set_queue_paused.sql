-- Whether an operator wants the queue paused; the outbox row makes the relay apply it.
WITH wanted AS (
    INSERT INTO herdbook.queues (name, paused) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, updated_at = now()
    RETURNING name
)
INSERT INTO herdbook.outbox (action, queue)
SELECT 'pause', name FROM wanted

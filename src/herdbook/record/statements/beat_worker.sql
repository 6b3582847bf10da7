-- A worker's heartbeat. Its clock could not be compared each time: the last difference is kept.
INSERT INTO herdbook.workers AS w (id, host, pid, queues, concurrency, running, state, clock_ahead)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE
SET running = excluded.running, state = excluded.state, heartbeat_at = now(),
    clock_ahead = coalesce(excluded.clock_ahead, w.clock_ahead)

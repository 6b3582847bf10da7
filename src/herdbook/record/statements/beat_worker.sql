-- A worker's heartbeat.
INSERT INTO herdbook.workers (id, host, pid, queues, concurrency, running, state)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE
SET running = excluded.running, state = excluded.state, heartbeat_at = now()

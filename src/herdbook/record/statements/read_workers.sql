-- Stopped workers have no row; workers that vanished stay visible for a day.
SELECT id, host, pid, queues, concurrency, running, state, started_at, heartbeat_at, clock_ahead,
       extract(epoch FROM now() - heartbeat_at)::float8 AS seconds_silent
FROM herdbook.workers
WHERE heartbeat_at > now() - interval '1 day'
ORDER BY started_at

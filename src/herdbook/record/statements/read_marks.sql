-- The time, the oldest transaction that is still open, and what tells whether workers, queues' pauses or
-- operations changed: a worker's state and load, and whether it was silent for more than $1 seconds.
SELECT now() AS at,
       CAST(pg_snapshot_xmin(pg_current_snapshot()) AS xid) AS transaction,
       (SELECT coalesce(string_agg(concat_ws(' ', id, state, running,
                                             heartbeat_at < now() - make_interval(secs => $1)), ',' ORDER BY id), '')
        FROM herdbook.workers WHERE heartbeat_at > now() - interval '1 day') AS workers,
       (SELECT coalesce(jsonb_object_agg(name, paused), '{}') FROM herdbook.queues) AS pauses,
       (SELECT concat_ws(' ', (SELECT id FROM herdbook.operations ORDER BY id DESC LIMIT 1),
                         count(*), max(updated_at))
        FROM herdbook.operations WHERE finished_at IS NULL) AS operations

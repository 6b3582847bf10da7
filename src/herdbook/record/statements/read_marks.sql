-- The time, the oldest open transaction, all open ones before `completed_until`, the number that the next one gets, and
-- values that differ once workers, the pauses of queues or operations have changed. For workers these are state, load, and whether the heartbeat is older than $1 seconds.
SELECT now() AS at,
       CAST(pg_snapshot_xmin(pg_current_snapshot()) AS xid) AS transaction,
       ARRAY (SELECT CAST(CAST(x AS text) AS bigint) FROM pg_snapshot_xip(pg_current_snapshot()) AS x) AS open,
       CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS completed_until,
       CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
           + age(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS xid)) AS next_transaction,
       (SELECT coalesce(string_agg(concat_ws(' ', id, state, running,
                                             heartbeat_at < now() - make_interval(secs => $1)), ',' ORDER BY id), '')
        FROM herdbook.workers WHERE heartbeat_at > now() - interval '1 day') AS workers,
       (SELECT coalesce(jsonb_object_agg(name, paused), '{}') FROM herdbook.queues) AS pauses,
       (SELECT concat_ws(' ', (SELECT id FROM herdbook.operations ORDER BY id DESC LIMIT 1),
                         count(*), max(updated_at))
        FROM herdbook.operations WHERE finished_at IS NULL) AS operations

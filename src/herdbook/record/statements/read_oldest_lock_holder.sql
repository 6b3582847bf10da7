-- The oldest transaction that holds a lock on a table of Herdbook, its process and program.
SELECT a.pid, a.application_name AS program,
       round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 1)::float8 AS seconds
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND c.relnamespace = to_regnamespace('herdbook') AND l.granted AND a.pid <> pg_backend_pid()
ORDER BY a.xact_start
LIMIT 1

-- When the first of the open transactions began that may have changed something; 'epoch' if that is hidden from our
-- role. Each of them holds a lock on its own number.
SELECT least(now(), min(coalesce(a.xact_start, 'epoch')))
FROM pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted

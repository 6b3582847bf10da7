-- Workers that vanished: those that stop remove themselves.
DELETE FROM herdbook.workers WHERE heartbeat_at < now() - CAST($1 AS interval)

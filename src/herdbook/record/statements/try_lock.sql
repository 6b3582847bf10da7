-- Whether this transaction got the lock with this name, which it then holds until its end.
SELECT pg_try_advisory_xact_lock(hashtextextended('herdbook ' || CAST($1 AS text), 0))

-- Whether this transaction is the only one that holds the lock of this name; held until its end.
SELECT pg_try_advisory_xact_lock(hashtextextended('herdbook ' || CAST($1 AS text), 0))

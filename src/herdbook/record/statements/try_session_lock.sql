-- Whether this session got the lock with this number, which it then holds until its end.
SELECT pg_try_advisory_lock($1)

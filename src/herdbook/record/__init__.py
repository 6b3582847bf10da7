"""PostgreSQL: the record of all jobs, and its outbox."""

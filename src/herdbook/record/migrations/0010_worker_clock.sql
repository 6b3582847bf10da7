-- By how many seconds a worker's clock was ahead of PostgreSQL's at its last heartbeat; NULL where that is unknown.
ALTER TABLE herdbook.workers ADD COLUMN clock_ahead double precision;

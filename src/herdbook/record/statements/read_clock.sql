-- The time by PostgreSQL's clock.
SELECT clock_timestamp()

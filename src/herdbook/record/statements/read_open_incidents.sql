-- Open incidents, oldest first.
SELECT * FROM herdbook.incidents WHERE resolved_at IS NULL ORDER BY opened_at, id

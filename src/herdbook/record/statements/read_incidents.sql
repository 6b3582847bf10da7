-- The newest incidents.
SELECT * FROM herdbook.incidents ORDER BY id DESC LIMIT $1

-- Operations, newest first.
SELECT * FROM herdbook.operations ORDER BY id DESC LIMIT $1

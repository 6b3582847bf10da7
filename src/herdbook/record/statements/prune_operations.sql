-- Operations that ended too long ago to be of use.
DELETE FROM herdbook.operations WHERE finished_at < now() - CAST($1 AS interval)

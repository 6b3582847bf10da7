-- Operations past their retention.
DELETE FROM herdbook.operations WHERE finished_at < now() - CAST($1 AS interval)

-- Rollups of a resolution past their retention.
DELETE FROM herdbook.figures WHERE resolution = $1 AND at < $2

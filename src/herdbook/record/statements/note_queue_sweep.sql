-- How many more jobs were delivered again, and whether all of the record has been compared since the loss.
UPDATE herdbook.queue_epochs
SET redelivered = redelivered + $2, swept_at = CASE WHEN $3 THEN now() ELSE swept_at END
WHERE prefix = $1 AND ($2 > 0 OR $3)

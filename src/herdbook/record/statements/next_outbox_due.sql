-- Seconds until the first postponed entry is due; NULL if none is postponed.
SELECT extract(epoch FROM min(deliver_after) - now())::float8 FROM herdbook.outbox

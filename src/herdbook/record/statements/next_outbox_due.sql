-- Seconds until the first postponed job is due; NULL when none is postponed.
SELECT extract(epoch FROM min(deliver_after) - now())::float8 FROM herdbook.outbox

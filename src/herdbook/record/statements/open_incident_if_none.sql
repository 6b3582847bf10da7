-- A new incident, unless it is already open. $6 is the job that notifies of it.
INSERT INTO herdbook.incidents (id, rule, kind, subject, message, opening_job)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (rule, subject) WHERE resolved_at IS NULL DO NOTHING
RETURNING *

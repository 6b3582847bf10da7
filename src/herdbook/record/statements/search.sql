-- The jobs of a slice that match a filter, newest first.
SELECT {columns} FROM ({slice}) AS slice
WHERE (CAST($4 AS text) IS NULL OR status = CAST($4 AS herdbook.job_status))
  AND (CAST($5 AS text) IS NULL OR job_type = $5)
  AND (CAST($6 AS text) IS NULL OR queue = $6)
  AND (CAST($7 AS text[]) = '{{}}'
       OR concat_ws(' ', id, job_id, error_message, job_data) ILIKE ALL (CAST($7 AS text[])))
LIMIT $8 OFFSET $9

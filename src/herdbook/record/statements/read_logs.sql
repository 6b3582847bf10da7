-- A job's log lines in order, after the line with id $2, up to the one with which they exceed $4 bytes.
SELECT id, generation, attempt, logged_at, message
FROM (
    SELECT found.*, sum(octet_length(message)) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        AS bytes_before
    FROM (SELECT * FROM herdbook.job_logs WHERE job = $1 AND id > $2 ORDER BY id LIMIT $3) AS found
) AS measured
WHERE bytes_before IS NULL OR bytes_before < $4
ORDER BY id

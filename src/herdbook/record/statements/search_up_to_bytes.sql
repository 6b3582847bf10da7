-- The jobs that a search finds, up to the one with which they exceed $10 bytes of JSON, each with how many it found.
SELECT * FROM (
    SELECT found.*, count(*) OVER () AS number_found,
           sum(octet_length(job_data::text) + coalesce(octet_length(result::text), 0)
               + coalesce(octet_length(progress::text), 0) + coalesce(octet_length(error_message), 0))
               OVER (ORDER BY id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
    FROM ({search}) AS found
) AS measured
WHERE bytes_before IS NULL OR bytes_before < $10
ORDER BY id DESC

-- The last of the next jobs to be compared with the queues, open or not; none at the end of the record.
SELECT id FROM (
    SELECT id FROM herdbook.jobs WHERE id > $1 ORDER BY id LIMIT $2
) AS slice
ORDER BY id DESC
LIMIT 1

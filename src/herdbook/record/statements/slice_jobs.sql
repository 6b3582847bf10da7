-- The newest jobs between two ids, to be searched; $3 at most.
SELECT * FROM herdbook.jobs WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3

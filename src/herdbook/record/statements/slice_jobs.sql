-- The newest jobs between two ids, at most $3: the part of the record that one search examines.
SELECT * FROM herdbook.jobs WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3

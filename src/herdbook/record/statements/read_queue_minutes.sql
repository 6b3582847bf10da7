-- How many jobs of each queue ended in each minute from $1 on, as far as those are rolled up.
SELECT queue, at, sum(completed + failed)::bigint AS count FROM herdbook.figures
WHERE resolution = 60 AND at >= $1 AND queue <> ''
GROUP BY queue, at

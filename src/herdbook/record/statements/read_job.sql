SELECT * FROM herdbook.jobs WHERE id = $1

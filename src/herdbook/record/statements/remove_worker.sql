DELETE FROM herdbook.workers WHERE id = $1

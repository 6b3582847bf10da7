SELECT * FROM herdbook.operations WHERE id = $1

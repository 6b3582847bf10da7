-- The last job of a full slice; no row if the slice is not full, because nothing follows it then.
SELECT id FROM ({slice}) AS slice OFFSET $3 - 1

-- The last job of a full slice; no row when the slice is not full, so that nothing is behind it.
SELECT id FROM ({slice}) AS slice OFFSET $3 - 1

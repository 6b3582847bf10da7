-- Figures of a resolution that are too old to be of use.
DELETE FROM herdbook.figures WHERE resolution = $1 AND at < $2

-- The server's time, and the end of the newest minute that is rolled up; NULL if none is.
SELECT now() AS now, (SELECT max(at) + interval '60 s' FROM herdbook.figures WHERE resolution = 60) AS until

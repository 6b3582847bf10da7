-- The queue is to remove its completed jobs; the record keeps them.
INSERT INTO herdbook.outbox (action, queue) VALUES ('clean', $1)

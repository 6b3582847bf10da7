-- The queue is to forget its completed jobs; the record keeps them.
INSERT INTO herdbook.outbox (action, queue) VALUES ('clean', $1)

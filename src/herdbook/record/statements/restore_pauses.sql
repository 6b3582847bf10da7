-- A Redis that lost writes may have forgotten which queues are paused.
INSERT INTO herdbook.outbox (action, queue)
SELECT 'pause', name FROM herdbook.queues WHERE paused

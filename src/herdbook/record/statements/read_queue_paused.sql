-- Whether an operator wants the queue paused. The lock keeps a newer request from overtaking the relay that applies
-- this one.
SELECT paused FROM herdbook.queues WHERE name = $1 FOR SHARE

-- What an operator wants of a queue. It stays so until this transaction ends: who brings the queue there is not
-- overtaken by a newer wish.
SELECT paused FROM herdbook.queues WHERE name = $1 FOR SHARE

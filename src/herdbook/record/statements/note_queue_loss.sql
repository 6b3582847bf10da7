-- Redis lost writes: what is delivered again from now on is counted.
UPDATE herdbook.queue_epochs SET lost_at = now(), swept_at = NULL, redelivered = 0 WHERE prefix = $1

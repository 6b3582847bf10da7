"""Background jobs through BullMQ queues in Redis, every one of them written down in PostgreSQL."""

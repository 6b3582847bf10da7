"""BullMQ's queues in Redis; no other package knows their wire format."""

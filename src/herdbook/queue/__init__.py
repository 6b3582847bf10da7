"""The only place that knows BullMQ, Redis and their wire format."""

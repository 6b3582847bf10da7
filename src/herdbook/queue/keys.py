"""The names BullMQ uses in Redis for a queue's keys and workers."""

import base64


def key_prefix(prefix: str, queue: str) -> str:
    """The prefix of all keys of the queue, such as `bull:email:`."""
    return f"{prefix}:{queue}:"


def client_name(prefix: str, queue: str, worker: str) -> str:
    """The name of a worker's blocking connection, by which BullMQ for Node finds a queue's workers."""
    return f"{prefix}:{base64.b64encode(queue.encode()).decode()}:w:{worker}"

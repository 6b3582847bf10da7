"""Takes a queue's name.

Gives the names BullMQ uses for it in Redis.
Never talks to Redis.
"""

import base64


def key_prefix(prefix: str, queue: str) -> str:
    """What every key of the queue begins with, such as `bull:email:`."""
    return f"{prefix}:{queue}:"


def client_name(prefix: str, queue: str, worker: str) -> str:
    """The name of a worker's blocking connection; BullMQ for Node finds a queue's workers by it."""
    return f"{prefix}:{base64.b64encode(queue.encode()).decode()}:w:{worker}"

"""Limits the memory that request bodies take together: beyond it, large bodies are refused until others are done."""

from starlette.types import Message, Receive

from herdbook.http.problems import RETRY_AFTER, SERVER_BUSY, Refused

# Four of the largest bodies that any route reads.
_LARGEST_SUM = 256 * 1024 * 1024


class BodyRoom:
    """The bytes that bodies may still take."""

    __slots__ = ("left",)

    def __init__(self, size: int = _LARGEST_SUM) -> None:
        self.left = size


class BodyShare:
    """What the body of one request takes, from its first part until `release`; a body of one part counts as nothing."""

    __slots__ = ("_receive", "_room", "_taken")

    def __init__(self, room: BodyRoom, receive: Receive) -> None:
        self._room = room
        self._receive = receive
        self._taken = 0

    async def receive(self) -> Message:
        """The next message of the request; raises Refused (503) if there is no room for it."""
        message = await self._receive()
        if message.get("more_body") or self._taken:
            size = len(message.get("body", b""))
            if size > self._room.left:
                detail = "too many large bodies are being received at once"
                raise Refused(SERVER_BUSY, detail, headers={"Retry-After": RETRY_AFTER})
            self._room.left -= size
            self._taken += size
        return message

    def release(self) -> None:
        """Give the room back: the request is done."""
        self._room.left += self._taken

"""Something that connects to the door's AudioSocket port, as Asterisk does or not."""

from __future__ import annotations

import asyncio
import struct

SOUND = struct.pack("!BH", 0x10, 320)


class SocketClient:
    """Something that speaks AudioSocket to the door, as Asterisk does or not."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def is_refused(self, sent: bytes, seconds: float = 6.0) -> bool:
        """Whether the door ends the connection, after these bytes, without a sound."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(sent)
            async with asyncio.timeout(seconds):
                received = await reader.read()
            return SOUND not in received
        except (TimeoutError, ConnectionResetError) as error:
            return isinstance(error, ConnectionResetError)
        finally:
            writer.close()


def hello(identity: bytes) -> bytes:
    """An AudioSocket's first message, with some sound after it."""
    return struct.pack("!BH", 0x01, len(identity)) + identity + SOUND + bytes(320)

"""The wire between daemon and worker: length-prefixed msgpack frames over pipes."""

from __future__ import annotations

import struct
from typing import IO

import msgspec

_LENGTH = struct.Struct("<I")


def send(stream: IO[bytes], message: object) -> None:
    """Write one frame and flush it.

    Raises:
        OSError: the other side has gone.
    """
    body = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Return the next frame's body, or None when the other side has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None

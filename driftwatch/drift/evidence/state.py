"""The monitor's state as bytes: a restart from them goes on as if it had never stopped."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

import msgspec
import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.alarm import Alarm
from driftwatch.drift.evidence.dependence import Dependence
from driftwatch.drift.evidence.seasons import Seasonal

FORMAT = 4
_HEAD = struct.Struct("<II")
Arrays = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """A witness alive.

    Args:
        kind: name of its recipe.
        born: number of the chunk it was born after.
        count: texts since then.
        error: chance of a call in its whole life.
        exact: whether it bets on lone texts only, at the height that these allow.
    """

    kind: str
    born: int
    count: int
    error: float
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What is no array.

    Args:
        texts: ever assessed.
        arl_texts: budget of the last window; 0 before the first.
        paid: false alarms that the open chunk's texts have paid for.
        closed: chunks ever closed.
        chunks: chunks at hand.
        pieces: pieces of the open chunk.
        alive: witnesses, in order.
        alarm: in force.
        dependence: what the burn-in showed so far.
        grouped: texts and groups of earlier windows, as :class:`GroupSize` counts them.
        seasons: how seasons are treated; the bets of each are packed among the arrays. None for the bets themselves.
    """

    texts: int
    arl_texts: float
    paid: float
    closed: int
    chunks: int
    pieces: int
    alive: tuple[Alive, ...]
    alarm: Alarm | None
    dependence: Dependence | None
    grouped: tuple[float, float] = (0.0, 0.0)
    seasons: Seasonal | None = None


def pack(notes: Notes, arrays: Arrays) -> bytes:
    """Return notes and arrays as bytes."""
    head = msgspec.json.encode(notes)
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return _HEAD.pack(FORMAT, len(head)) + head + buffer.getvalue()


def unpack(state: bytes) -> tuple[Notes, Arrays] | None:
    """Return what ``pack`` wrote; None where another version of the format was written."""
    version, length = _HEAD.unpack_from(state)
    if version != FORMAT:
        return None
    body = memoryview(state)[_HEAD.size :]
    notes = msgspec.json.decode(body[:length], type=Notes)
    with np.load(BytesIO(body[length:]), allow_pickle=False) as stored:
        return notes, {name: stored[name] for name in stored.files}


def read_notes(state: bytes) -> Notes | None:
    """Return the notes alone, to show them."""
    version, length = _HEAD.unpack_from(state)
    if version != FORMAT:
        return None
    return msgspec.json.decode(state[_HEAD.size : _HEAD.size + length], type=Notes)

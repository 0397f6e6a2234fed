"""A clock that runs faster than the machine's, alike in every process that reads the same file, and can be halted."""

from __future__ import annotations

import struct
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


_FORM = struct.Struct("<ddd")
"""Real moment, simulated moment, simulated seconds a second; replaced whole."""


class FastClock:
    """Simulated time: equal to the machine's at the start, and ``speed`` times as fast while it is not halted.

    It is halted while the machine cannot keep up, so that a busy machine takes longer and simulates the same day.

    Args:
        file: that holds where it stands; made by ``start``.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    @classmethod
    def start(cls, file: Path, *, speed: float) -> FastClock:
        """Return a clock that begins now."""
        clock, now = cls(file), time.time()
        clock._write(now, now, speed)
        return clock

    def now(self) -> datetime:
        """Return the simulated moment in UTC."""
        real, simulated, speed = self._read()
        return datetime.fromtimestamp(simulated + speed * (time.time() - real), UTC)

    def run_at(self, speed: float) -> None:
        """Go on at another speed from now on; 0 halts it."""
        real, simulated, before = self._read()
        if speed != before:
            now = time.time()
            self._write(now, simulated + before * (now - real), speed)

    def _read(self) -> tuple[float, float, float]:
        real, simulated, speed = _FORM.unpack(self.file.read_bytes())
        return real, simulated, speed

    def _write(self, real: float, simulated: float, speed: float) -> None:
        aside = self.file.with_name(f".{self.file.name}.writing")
        aside.write_bytes(_FORM.pack(real, simulated, speed))
        aside.replace(self.file)

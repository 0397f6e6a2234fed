"""Whether the kernel killed a training because memory ran out: no exception tells, only a count that rose.

A process that is killed leaves its note behind; one that ends otherwise takes it away. The count is the machine's, of
all processes since it was started, those that a control group's limit ended included: it may have risen for another
one's sake. Then a training that died of something else goes on in smaller parts, which is slower and no worse.

Source: the kernel's ``oom_kill`` of ``/proc/vmstat`` (mm/oom_kill.c, since 4.13).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from driftwatch.retrain.folders import write_whole

_PROC = Path("/proc")
_NOTE = "at-work"


@dataclass(frozen=True, slots=True)
class MemoryKills:
    """The note of the process at work on a training.

    Args:
        folder: of the training's checkpoints.
        proc: where the kernel tells.
    """

    folder: Path
    proc: Path = _PROC

    def begin(self) -> None:
        """Note the count as it is; nothing where the kernel does not tell it."""
        if (now := self._now()) is not None:
            write_whole(self.folder / _NOTE, f"{now[0]} {now[1]}".encode("ascii"))

    def end(self) -> None:
        """Take the note away."""
        (self.folder / _NOTE).unlink(missing_ok=True)

    def happened(self) -> bool:
        """Whether whoever left a note died while the kernel killed for memory."""
        now = self._now()
        try:
            boot, count = (self.folder / _NOTE).read_text(encoding="ascii").split()
            return now is not None and now[0] == boot and now[1] > int(count)
        except (OSError, ValueError):
            return False

    def _now(self) -> tuple[str, int] | None:
        """Return the machine's start, by its id, and its kills since; None where the kernel does not tell."""
        try:
            lines = (self.proc / "vmstat").read_text(encoding="ascii").splitlines()
            boot = (self.proc / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()
            return boot, int(dict(line.split() for line in lines)["oom_kill"])
        except (OSError, ValueError, KeyError):
            return None

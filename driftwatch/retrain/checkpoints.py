"""Checkpoints that can be trusted: sealed with the hashes of their files, or set aside."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.folders import MANIFEST, differs, file_hashes, flush, publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = structlog.get_logger()

KEPT = 2
"""Whole checkpoints kept: the newest, and one in case the disk loses it."""

_WRITING = "writing"
_BEST = "best"
_AT_ONCE = "at-once"
_QUARANTINE = "quarantine"
_PREFIX = "checkpoint-"


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What a checkpoint holds and which training it belongs to."""

    training: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: where they lie.
        training: fingerprint of model, data and settings; only checkpoints of the same training are resumed.
    """

    folder: Path
    training: str

    @property
    def writing(self) -> Path:
        """Where the trainer writes; nothing in here is ever resumed from."""
        return self.folder / _WRITING

    def newest(self) -> Path | None:
        """Return the newest whole checkpoint; leftovers are removed, damaged or foreign ones set aside."""
        shutil.rmtree(self.writing, ignore_errors=True)
        for checkpoint in reversed(self._sealed()):
            problem = self._problem(checkpoint)
            if problem is None:
                return checkpoint
            self._set_aside(checkpoint, problem)
        return None

    def seal(self, step: int) -> None:
        """Take over the checkpoint that the trainer has just written: hash, flush, rename, drop the oldest."""
        written = self.writing / f"{_PREFIX}{step}"
        target = self.folder / written.name
        manifest = {"training": self.training, "files": file_hashes(written)}
        (written / MANIFEST).write_text(json.dumps(manifest, indent=2))
        shutil.rmtree(target, ignore_errors=True)
        publish(written, target)
        for old in self._sealed()[:-KEPT]:
            shutil.rmtree(old)

    @contextmanager
    def keep_best(self, step: int) -> Iterator[Path]:
        """Give a folder to write the best weights so far into; they take the place of the last best once whole."""
        aside, target = self.folder / f".{_BEST}.new", self.folder / f"{_BEST}-{step}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        yield aside
        (aside / MANIFEST).write_text(json.dumps({"training": self.training, "files": file_hashes(aside)}, indent=2))
        before = [path for path in self.folder.glob(f"{_BEST}-*") if path != target]
        shutil.rmtree(target, ignore_errors=True)
        publish(aside, target)
        for old in before:
            shutil.rmtree(old)

    def best(self, step: int) -> Path:
        """Return the folder of the best weights, which are those of this step.

        Raises:
            RunError: they are not there as they were written; the checkpoints are set aside, so that the next attempt
                starts from the champion.
        """
        folder = self.folder / f"{_BEST}-{step}"
        problem = self._problem(folder)
        if problem is None:
            return folder
        for checkpoint in self._sealed():
            self._set_aside(checkpoint, "its best weights are lost")
        raise RunError(
            f"the best weights of the training are damaged: {problem}",
            where=str(folder),
            cure="retry the run; it starts from the champion again",
            retryable=True,
        )

    def at_once(self) -> int | None:
        """Return how many sequences went through the device at once when memory last sufficed; None at the start."""
        try:
            return int((self.folder / _AT_ONCE).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def remember_at_once(self, sequences: int) -> None:
        """Let a training that is taken up again begin with as many sequences at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = self.folder / f".{_AT_ONCE}.{os.getpid()}"  # several processes may run out of memory together
        aside.write_text(str(sequences), encoding="ascii")
        flush(aside)
        aside.replace(self.folder / _AT_ONCE)

    def _sealed(self) -> list[Path]:
        found = [path for path in self.folder.glob(f"{_PREFIX}*") if path.name.removeprefix(_PREFIX).isdecimal()]
        return sorted(found, key=lambda path: int(path.name.removeprefix(_PREFIX)))

    def _problem(self, checkpoint: Path) -> str | None:
        try:
            manifest = msgspec.json.decode((checkpoint / MANIFEST).read_bytes(), type=_Manifest)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return "no readable manifest"
        if manifest.training != self.training:
            return "of another training"
        changed = differs(checkpoint, manifest.files)
        return f"{changed} is not as it was written" if changed else None

    def _set_aside(self, checkpoint: Path, problem: str) -> None:
        quarantine = self.folder / _QUARANTINE
        quarantine.mkdir(exist_ok=True)
        shutil.rmtree(quarantine / checkpoint.name, ignore_errors=True)
        checkpoint.rename(quarantine / checkpoint.name)
        log.warning("checkpoint_set_aside", checkpoint=checkpoint.name, problem=problem)

"""Files of training texts, and references built of them: from all in memory, and from what an engine gathers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import drift_samples as samples
import numpy as np

from driftwatch.drift.archive import save_reference
from driftwatch.drift.reference import assemble, build_reference
from driftwatch.gathering import Search, gather
from driftwatch.intake.training import read_training
from driftwatch.intake.training_records import TrainingFields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from driftwatch.domain.text import Text
    from driftwatch.gathering import Engine

Record = dict[str, object]


def records(*, first: int, count: int, groups: bool) -> list[Record]:
    """Return texts of which a third come again, in other sessions and at other times."""
    random = np.random.default_rng(first)
    bodies = samples.known()[first : first + count]
    again = [bodies[row] for row in random.integers(count, size=count // 3)]
    made = []
    for body in (*bodies, *again, "  "):
        record: Record = {"text": body, "at": 1_700_000_000 + int(random.integers(4))}
        if groups:
            record["session"] = f"s{random.integers(count // 4)}" if random.random() < 0.9 else None
        made.append(record)
    return made


def lines(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def fields(*, groups: bool) -> TrainingFields:
    """Return the fields of ``records``."""
    return TrainingFields(text="text", time="at", group="session" if groups else None)


def saved_whole(search: Search, folder: Path) -> dict[str, bytes]:
    """Return the files of the reference built from all texts in memory."""
    built = build_reference(
        _read(search.data, search.fields),
        heldout=_read(search.heldout, search.fields),
        stream="docs",
        seed=search.seed,
        sample=search.sample,
        extract=samples.measured,
        created_at=samples.NOON,
    )
    return _files(folder, save_reference(built.reference, folder).version)


def saved_gathered(
    search: Search,
    folder: Path,
    engine: Engine,
    *,
    on_read: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, bytes]:
    """Return the files of the reference built from what an engine gathers."""
    found = gather(search, engine, folder=folder, on_read=on_read)
    built = assemble(
        found.learned,
        heldout=found.heldout,
        stream="docs",
        seed=search.seed,
        extract=samples.measured,
        created_at=samples.NOON,
    )
    return _files(folder, save_reference(built.reference, folder).version)


def _read(paths: Sequence[Path], wanted: TrainingFields) -> list[Text]:
    return list(read_training(paths, field=wanted.text, time=wanted.time, group=wanted.group))


def _files(folder: Path, version: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / version).iterdir()}

"""What the two environments exchange: texts, trials, jobs and answers, as ``.npz`` without pickles and JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texts:
    """A corpus with its features.

    Args:
        bodies: n texts.
        embeddings: float32 [n, d], unit rows.
        indptr: int64 [n + 1], rows of the sparse token counts.
        ids: int32 [nonzeros], token ids.
        counts: int32 [nonzeros].
        vocabulary: number of token ids.
        encoder: digest of the encoder.
        tokenizer: digest of the tokenizer.
        known: rows that a reference may be drawn from.
        new: rows of drifted text.
        kinds: int64 [n], what a text is about: an intent, or a k-means cell where nothing finer is labelled.
    """

    bodies: tuple[str, ...]
    embeddings: npt.NDArray[np.float32]
    indptr: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    vocabulary: int
    encoder: str
    tokenizer: str
    known: Rows
    new: Rows
    kinds: Rows

    def save(self, folder: Path) -> None:
        """Write ``texts.npz`` and ``texts.json`` into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        np.savez(folder / "texts.npz", **arrays)
        words = {name: getattr(self, name) for name in ("bodies", "vocabulary", "encoder", "tokenizer")}
        (folder / "texts.json").write_text(json.dumps(words))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        words = json.loads((folder / "texts.json").read_text())
        words["bodies"] = tuple(words["bodies"])
        with np.load(folder / "texts.npz", allow_pickle=False) as arrays:
            return cls(**words, **{name: arrays[name] for name in _ARRAYS})


_ARRAYS = ("embeddings", "indptr", "ids", "counts", "known", "new", "kinds")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trials:
    """Windows or streams over the rows of a corpus, each with the reference it is compared with.

    Args:
        cases: names of what is tried, such as ``quiet`` and ``10%``.
        references: int64 [draws, n], the reference of each draw.
        owns: int64 [draws, m], every other text that no trial of the draw uses, and the reference itself.
        rows: int64 [k, w], the texts of each trial in order; −1 behind the end of shorter ones.
        groups: int64 [k, w], the session of each text; −1 for none.
        draw: int64 [k], which reference.
        case: int64 [k], which case.
        onset: place in each trial of the first text that may be new.
    """

    cases: tuple[str, ...]
    references: Rows
    owns: Rows
    rows: Rows
    groups: Rows
    draw: Rows
    case: Rows
    onset: int = 0

    def save(self, file: Path) -> None:
        """Write one ``.npz``."""
        arrays = {name: getattr(self, name) for name in _TRIALS}
        np.savez(file, cases=np.array(self.cases), onset=np.array(self.onset), **arrays)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what ``save`` wrote."""
        with np.load(file, allow_pickle=False) as arrays:
            cases, onset = tuple(str(each) for each in arrays["cases"]), int(arrays["onset"])
            return cls(cases=cases, onset=onset, **{name: arrays[name] for name in _TRIALS})


_TRIALS = ("references", "owns", "rows", "groups", "draw", "case")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One method on one lot of trials.

    Args:
        table: ``A`` to ``D``.
        method: name in the catalogue.
        texts: folder of the corpus.
        trials: name of the trials' file, without its ending.
        limit_s: CPU-seconds after which no further trial is begun.
        permutations: for table D.
    """

    table: str
    method: str
    texts: str
    trials: str
    limit_s: float
    permutations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one job found.

    Args:
        job: what was asked.
        trials: numbers of the trials that were done, in order.
        alarms: of each.
        values: of each, the p-value or score.
        cpu_s: of each, CPU-seconds.
        setup_s: CPU-seconds of each set-up to a reference.
        peak_mb: most memory during the job above what the process held before it.
        level: where the method itself alarms (streams).
        note: why it is missing or incomplete.
        version: of the package.
    """

    job: Job
    trials: tuple[int, ...] = ()
    alarms: tuple[bool, ...] = ()
    values: tuple[float, ...] = ()
    cpu_s: tuple[float, ...] = ()
    setup_s: tuple[float, ...] = ()
    peak_mb: float = 0.0
    level: float = 0.0
    note: str = ""
    version: str = ""


def write_jobs(file: Path, jobs: Iterable[Job]) -> None:
    """Write a JSON list."""
    file.write_text(json.dumps([asdict(job) for job in jobs]))


def read_jobs(file: Path) -> list[Job]:
    """Read what ``write_jobs`` wrote."""
    return [Job(**each) for each in json.loads(file.read_text())]


def read_outcomes(file: Path) -> list[Outcome]:
    """Read one outcome a line."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else ():
        fields = json.loads(line)
        fields["job"] = Job(**fields["job"])
        fields |= {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
        found.append(Outcome(**fields))
    return found

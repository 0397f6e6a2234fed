"""What a method must offer to be measured, and the list of all that are.

Each module of methods names its own in ``WINDOWED`` or ``SEQUENTIAL``, and in ``PACKAGES`` what is imported before the
clock starts; only the module's own environment imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.peers.exchange import Texts

    Rows = npt.NDArray[np.int64]

LEVEL = 0.05
"""False alarms a window that every method is asked for, where it can be asked."""


class NotThereError(Exception):
    """The method does not exist in what is installed; its row is left out and the reason is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a method says about a window: whether it alarms, and by which number."""

    alarm: bool
    value: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """What a method is fitted to.

    Args:
        texts: the corpus.
        reference: rows to compare with.
        seed: of every random choice.
        size: texts a window (windows), or the average run length asked for (streams).
        permutations: asked for; 0 for the method's own.
    """

    texts: Texts
    reference: Rows
    seed: int
    size: int
    permutations: int = 0

    @property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """Embeddings of the reference."""
        return self.texts.embeddings[self.reference]


class Windowed(Protocol):
    """Fitted to a reference; judges one window after the other."""

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Judge the texts in these rows of the corpus; groups are their sessions, −1 for none."""
        ...


class WindowedFit(Protocol):
    """Fits to a reference."""

    def __call__(self, fit: Fit) -> Windowed:
        """Return the fitted method; the cost of this is its set-up."""
        ...


class Sequential(Protocol):
    """Fitted to a reference; follows streams text by text.

    Instead of a first alarm it gives its statistic after each text, going on as if nothing had been raised: the first
    place at or above a level is the alarm at that level, so that the level can be tuned until the measured run lengths
    of all methods are equal.
    """

    @property
    def level(self) -> float:
        """Where the method itself alarms."""
        ...

    def trace(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return the statistic after each of these texts, float64 [len(rows)], started anew."""
        ...


class SequentialFit(Protocol):
    """Fits to a reference; ``fit.size`` is the average run length asked for."""

    def __call__(self, fit: Fit) -> Sequential:
        """Return the fitted method; the cost of this is its set-up."""
        ...


def first_alarm(trace: npt.NDArray[np.float64], level: float) -> int | None:
    """Return the place of the first value at or above the level."""
    above = np.flatnonzero(trace >= level)
    return int(above[0]) if len(above) else None


Side = Literal["ours", "peers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A method in the catalogue.

    Args:
        name: in jobs.
        label: in tables.
        side: which environment measures it.
        module: of ``benchmarks.peers`` that knows it.
        tables: it is measured for.
        weight: CPU-seconds it may take in comparison with the others.
        quick: whether quick runs measure it.
    """

    name: str
    label: str
    side: Side
    module: str
    tables: str
    weight: float = 1.0
    quick: bool = True


def _entry(name: str, label: str, tables: str, *, weight: float = 1.0, quick: bool = True) -> Entry:
    module = name.split(".", maxsplit=1)[0]
    return Entry(
        name=name,
        label=label,
        side="ours" if module in ("own", "evidently") else "peers",
        module=f"benchmarks.peers.{module}_methods",
        tables=tables,
        weight=weight,
        quick=quick,
    )


CATALOGUE = (
    _entry("own.mmd", "driftwatch embedding.mmd_p", "ABD"),
    _entry("own.mmd-own", "driftwatch embedding.mmd_p, own reference", "A"),
    _entry("own.look", "driftwatch drift.look_p", "AB", weight=2),
    _entry("own.look-own", "driftwatch drift.look_p, own reference", "A", weight=2),
    _entry("own.evidence", "driftwatch evidence", "AC", weight=4),
    _entry("own.evidence-own", "driftwatch evidence, own reference", "AC", weight=4),
    _entry("own.evidence-auto", "driftwatch evidence, dependence auto", "B", weight=2),
    _entry("alibi.mmd", "alibi-detect MMD", "ABD", weight=2),
    _entry("alibi.lsdd", "alibi-detect LSDD", "AB"),
    _entry("alibi.ks", "alibi-detect KS", "AB"),
    _entry("alibi.classifier", "alibi-detect classifier", "A"),
    _entry("alibi.mmd-online", "alibi-detect MMD online, window 10", "C", weight=9),
    _entry("alibi.mmd-online-50", "alibi-detect MMD online, window 50", "C", weight=8, quick=False),
    _entry("alibi.lsdd-online", "alibi-detect LSDD online, window 10", "C", weight=4),
    _entry("alibi.lsdd-online-50", "alibi-detect LSDD online, window 50", "C", weight=8, quick=False),
    _entry("evidently.mmd", "evidently mmd", "A"),
    _entry("evidently.mmd-bootstrap", "evidently mmd, bootstrap", "A"),
    _entry("evidently.mmd-bootstrap-95", "evidently mmd, bootstrap, quantile .95", "ABD"),
    _entry("evidently.model", "evidently model", "A"),
    _entry("evidently.model-bootstrap", "evidently model, bootstrap", "AB"),
    _entry("evidently.ratio", "evidently ratio", "A"),
    _entry("evidently.distance", "evidently distance", "A"),
    _entry("evidently.distance-bootstrap", "evidently distance, bootstrap", "A"),
    _entry("frouros.mmd", "frouros MMD", "A", weight=5, quick=False),
    _entry("torchdrift.mmd", "torchdrift MMD", "A", weight=2, quick=False),
    _entry("menelaus.nndvi", "menelaus NN-DVI", "A", weight=2, quick=False),
    _entry("river.adwin", "river ADWIN, distance to centroid", "C"),
    _entry("river.page-hinkley", "river Page-Hinkley, distance to centroid", "C"),
)
"""Every method measured, in the order of the tables."""
BY_NAME = {entry.name: entry for entry in CATALOGUE}

"""What is measured: trials of every table and corpus, and the jobs of both environments, quick and full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers import trials
from benchmarks.peers.exchange import Job, Texts
from benchmarks.peers.methods import BY_NAME, CATALOGUE, Side

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from benchmarks.peers.exchange import Trials

REFERENCE = 1_000
WINDOW = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured.

    Args:
        draws: references of tables A and B.
        quiet: windows a draw without drift.
        drifted: windows a draw and share.
        windows: sizes of windows of table A.
        each: windows a draw and case of table B.
        duplicates: shares of table B.
        sessions: lengths of table B.
        dependent_draws: references of table B.
        stream_draws: references of table C.
        streams: a draw and share of new texts.
        quiet_streams: a draw.
        cases: of streams.
        limit_s: CPU-seconds of a method of weight 1 on one lot of trials.
        permutations: of table D.
        corpora: by table.
    """

    draws: int
    quiet: int
    drifted: int
    windows: tuple[int, ...]
    duplicates: tuple[float, ...]
    sessions: tuple[int, ...]
    dependent_draws: int
    each: int
    stream_draws: int
    streams: int
    quiet_streams: int
    cases: tuple[str, ...]
    limit_s: float
    permutations: int
    corpora: dict[str, tuple[str, ...]]


QUICK = Size(
    draws=5,
    quiet=4,
    drifted=1,
    windows=(WINDOW,),
    duplicates=(0.0, 0.1, 0.3),
    sessions=(1, 5, 20),
    dependent_draws=1,
    each=3,
    stream_draws=1,
    streams=3,
    quiet_streams=4,
    cases=("quiet", "100%", "50%", "20%", "10%"),
    limit_s=5,
    permutations=300,
    corpora={"A": ("news",), "B": ("clinc",), "C": ("clinc",), "D": ("news",)},
)
FULL = Size(
    draws=34,
    quiet=3,
    drifted=2,
    windows=(200, WINDOW, 1_000),
    duplicates=trials.DUPLICATES,
    sessions=trials.SESSIONS,
    dependent_draws=20,
    each=5,
    stream_draws=3,
    streams=20,
    quiet_streams=15,
    cases=tuple(trials.STREAM_SHARES),
    limit_s=240,
    permutations=1_000,
    corpora={
        "A": ("news", "clinc", "tweets-offensive", "tweets-docs"),
        "B": ("news", "clinc", "tweets-offensive"),
        "C": ("clinc", "tweets-offensive"),
        "D": ("news",),
    },
)


def prepare(
    folder: Path,
    corpora: dict[str, Path],
    size: Size,
    tables: str,
    *,
    quick: bool,
    methods: Collection[str] = tuple(BY_NAME),
) -> dict[Side, list[Job]]:
    """Write the trials of the tables into the folder, return the jobs of each environment.

    Args:
        folder: of the exchange.
        corpora: folder of each corpus.
        size: how much.
        tables: letters of those asked for.
        quick: leave out what the catalogue keeps for full runs.
        methods: names of those to measure.
    """
    jobs: dict[Side, list[Job]] = {"ours": [], "peers": []}
    for name, where in corpora.items():
        texts = Texts.load(where)
        for table in tables:
            if name not in size.corpora[table]:
                continue
            for kind, drawn in _drawn(table, texts, size):
                drawn.save(folder / f"{name}-{kind}.npz")
                for entry in CATALOGUE:
                    if table in entry.tables and entry.name in methods and (entry.quick or not quick):
                        job = _job(table, entry.name, where, f"{name}-{kind}", size, size.limit_s * entry.weight)
                        jobs[entry.side].append(job)
    return jobs


def _drawn(table: str, texts: Texts, size: Size) -> Sequence[tuple[str, Trials]]:
    if table == "A":
        return [(f"windows-{window}", _windows(texts, size, window)) for window in size.windows]
    if table == "B":
        dependent = {"size": WINDOW, "reference": REFERENCE, "draws": size.dependent_draws, "each": size.each}
        return [
            ("duplicates", trials.duplicates(texts, shares=size.duplicates, **dependent, seed=2)),
            ("sessions", trials.sessions(texts, lengths=size.sessions, **dependent, seed=3)),
        ]
    if table == "C":
        drawn = trials.streams(
            texts,
            reference=REFERENCE,
            draws=size.stream_draws,
            each=size.streams,
            quiet=size.quiet_streams,
            cases=size.cases,
            seed=4,
        )
        return [("streams", drawn)]
    drawn = trials.windows(texts, size=1_000, reference=REFERENCE, draws=1, quiet=1, drifted=0, seed=5)
    return [("cost", drawn)]


def _windows(texts: Texts, size: Size, window: int) -> Trials:
    """Return windows; fewer a draw, of more draws, where the corpus has too few texts for disjoint ones."""
    quiet = max(1, min(size.quiet, (len(texts.known) - REFERENCE) // window))
    draws = -(-size.draws * size.quiet // quiet)
    drifted = min(size.drifted, quiet)
    return trials.windows(texts, size=window, reference=REFERENCE, draws=draws, quiet=quiet, drifted=drifted, seed=1)


def _job(table: str, method: str, where: Path, name: str, size: Size, limit_s: float) -> Job:
    permutations = size.permutations if table == "D" else 0
    return Job(table=table, method=method, texts=str(where), trials=name, limit_s=limit_s, permutations=permutations)

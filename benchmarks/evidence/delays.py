"""Detection delays: texts from the change to the alarm."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.running import Dependence, alarms, first_alarm, fitted
from benchmarks.evidence.texts import Corpus, load, reference, windows
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.evidence.texts import Rows
    from benchmarks.featured import Kind
    from driftwatch.drift.evidence.monitor import EvidenceMonitor

QUIET = 500
"""Texts before the change."""
MISSED = 99_999
FOCUSED = {1.0: 25.0, 0.5: 50.0, 0.2: 150.0, 0.1: 450.0, 0.05: 1_200.0}
_SIZES = (500, 1_000, 2_000)
_LARGE = (1.0, 0.5, 0.2)
_SMALL = 50
_SCENARIO_WINDOW = 250
_LONGEST = 3_000


def focused(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return median delays for a new intent at five shares, A = 10^6, reference of 20,000, independent texts."""
    delays = new_intents(data, cache, trials=trials, encoder="static", dependence="independent", arl=1e6)
    for share, limit in FOCUSED.items():
        yield at_most(f"delay, a new intent at {share:.0%}, A = 10^6, static, texts", delays[share], limit)


def new_intents(
    data: Path, cache: Path, *, trials: int, encoder: Kind, dependence: Dependence, arl: float
) -> dict[float, float]:
    """Return median delays for a new intent by its share, reference of 20,000."""
    corpus = load(data / "corpora" / "clinc150.jsonl", cache, encoder=encoder)
    return delays_over_intents(corpus, list(FOCUSED), trials, size=20_000, arl=arl, dependence=dependence)


def in_blocks(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return the median delay for a new intent at 10% in blocks of eight, A = 10^4."""
    corpus = load(data / "corpora" / "clinc150.jsonl", cache)
    delays = delays_over_intents(corpus, [0.1], trials, size=20_000, arl=1e4, dependence=8)
    yield at_most("delay, a new intent at 10% in blocks of 8, A = 10^4, texts", delays[0.1], 1_000)


def small(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return median delays in blocks of eight by size of the reference, A = 10^4.

    New is an intent, of which there are 150 texts at most, or a domain of fifteen intents.
    """
    corpus = load(data / "corpora" / "clinc150.jsonl", cache)
    for new, of in (("intent", corpus), ("domain", replace(corpus, labels=corpus.domains))):
        for size in _SIZES:
            delays = delays_over_intents(of, list(_LARGE), trials, size=size, arl=1e4, dependence=8)
            for share in _LARGE:
                said = f"delay, a new {new} at {share:.0%}, reference {size:,}, in blocks of 8, A = 10^4, texts"
                yield Row(measure=said, driftwatch=delays[share])


def diffuse(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return the median delay for twenty new intents together at 20%, reference of 5,000 texts of 77 intents."""
    corpus = load(data / "corpora" / "clinc150.jsonl", cache)
    intents = np.unique(corpus.labels[corpus.labels != "oos"])
    found = []
    for trial in range(trials):
        random = np.random.default_rng([6, trial])
        drawn = random.permutation(intents)
        old = random.permutation(np.flatnonzero(np.isin(corpus.labels, drawn[:77])))
        new = random.permutation(np.flatnonzero(np.isin(corpus.labels, drawn[77:97])))
        stream = changing(old[5_000:], new, 0.2, random)
        monitor = fitted(reference(corpus, old[:5_000], seed=trial), "independent")
        found.append(delay_of(monitor, corpus, stream, 1e4))
    yield at_most("delay, 20 of 97 intents new at 20%, reference 5,000, A = 10^4, texts", float(np.median(found)), 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the evidence made of a scenario.

    Args:
        quiet: texts before the change, or all.
        early: alarms in them.
        delay: texts from the change to the first alarm after it, or ``MISSED``; None where nothing changes.
        said: of that alarm, its onset and bank.
    """

    quiet: int
    early: int
    delay: int | None
    said: str


def heard(folder: Path, cache: Path, *, encoder: Kind = "static", split: int = 1) -> Heard:
    """Return what the evidence makes of a scenario, A = 10^4, with settings as they come.

    Args:
        folder: of the scenario.
        cache: where features are kept.
        encoder: of them.
        split: seed of the reference's split.
    """
    known = load(folder / "reference.jsonl", cache, encoder=encoder)
    stream = load(folder / "stream.jsonl", cache, encoder=encoder)
    return heard_in(folder, known, stream, split=split)


def heard_in(folder: Path, known: Corpus, stream: Corpus, *, split: int = 1, read: float | None = None) -> Heard:
    """Return what the evidence makes of a scenario's texts.

    Args:
        folder: of the scenario.
        known: its reference's texts.
        stream: its stream's.
        split: seed of the reference's split.
        read: share of a window that the transformer tier reads, where there is one; None for all.
    """
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    monitor = fitted(reference(known, np.arange(len(known)), seed=split), "auto")
    most = None if read is None else round(read * _SCENARIO_WINDOW)
    found = alarms(monitor, windows(stream, np.arange(len(stream)), arl=1e4, size=_SCENARIO_WINDOW, read=most))
    change = truth["change_at"]
    quiet = len(stream) if change is None else change
    early = sum(alarm.text <= quiet for alarm in found)
    if change is None:
        return Heard(quiet=quiet, early=early, delay=None, said="")
    late = [alarm for alarm in found if alarm.text > change]
    if not late:
        return Heard(quiet=quiet, early=early, delay=MISSED, said="")
    said = f", onset {late[0].onset - 1 - change:+d}, by {late[0].bank}"
    return Heard(quiet=quiet, early=early, delay=late[0].text - change, said=said)


def scenarios(data: Path, cache: Path, *, only: frozenset[str] = frozenset()) -> Iterator[Row]:
    """Return alarms before the change and the delay of the first after it, A = 10^4, with settings as they come."""
    for folder in sorted((data / "scenarios").iterdir()):
        if only and folder.name not in only:
            continue
        found = heard(folder, cache)
        quiet = found.quiet
        yield at_most(f"{folder.name}: alarms in {quiet:,} quiet texts, static", found.early, max(1.0, quiet / 1e4))
        if found.delay is not None:
            what = f"{folder.name}: delay in texts, static{found.said}"
            limit = 1_500.0 if folder.name == "social-rare" else None
            yield at_most(what, found.delay, limit) if limit else Row(measure=what, driftwatch=found.delay)


def delays_over_intents(
    corpus: Corpus,
    shares: list[float],
    trials: int,
    *,
    size: int,
    arl: float,
    dependence: Dependence,
    read: float | None = None,
) -> dict[float, float]:
    """Return the median delay by share, each trial with an intent of its own as the new topic.

    Args:
        corpus: texts with intents.
        shares: of the new intent.
        trials: intents.
        size: of the reference.
        arl: false-alarm budget.
        dependence: how texts are bet on.
        read: share of the texts that the transformer tier reads, where there is one; None for all.
    """
    intents = np.random.default_rng(7).permutation(np.unique(corpus.labels[corpus.labels != "oos"]))
    found: dict[float, list[int]] = {share: [] for share in shares}
    for trial in range(trials):
        random = np.random.default_rng([8, trial])
        intent = intents[trial % len(intents)]
        new = random.permutation(np.flatnonzero(corpus.labels == intent))
        old = random.permutation(np.flatnonzero((corpus.labels != intent) & (corpus.labels != "oos")))
        made = reference(corpus, old[:size], seed=trial)
        monitor = fitted(made, dependence)
        fresh = monitor.state()
        for share in shares:
            monitor.go_on(fresh)
            stream = changing(old[size:], new, share, random)
            found[share].append(delay_of(monitor, corpus, stream, arl, read=read))
    return {share: float(np.median(delays)) for share, delays in found.items()}


def changing(old: Rows, new: Rows, share: float, random: np.random.Generator) -> Rows:
    """Return a stream of old texts with a share of new ones from text 500 on, no text twice."""
    is_new = random.random(_LONGEST) < share
    enough = (np.cumsum(is_new) <= len(new)) & (np.cumsum(~is_new) <= len(old) - QUIET)
    is_new = is_new[: int(enough.argmin()) if not enough.all() else len(enough)]
    after = np.empty(len(is_new), dtype=np.int64)
    after[is_new] = new[: is_new.sum()]
    after[~is_new] = old[QUIET : QUIET + (~is_new).sum()]
    return np.concatenate([old[:QUIET], after])


def delay_of(monitor: EvidenceMonitor, corpus: Corpus, stream: Rows, arl: float, *, read: float | None = None) -> int:
    """Return texts from the change to the alarm in a stream of ``changing``; ``MISSED`` where there is none.

    Args:
        monitor: as it stands before the stream.
        corpus: whose texts.
        stream: rows.
        arl: false-alarm budget.
        read: share of the texts that the transformer tier reads, where there is one; None for all.
    """
    most = None if read is None else round(read * _SMALL)
    found = first_alarm(monitor, windows(corpus, stream, arl=arl, size=_SMALL, read=most))
    return MISSED if found is None else max(found.text - QUIET, 0)

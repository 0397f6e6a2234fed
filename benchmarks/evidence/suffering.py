"""Does the model suffer? Measures of its loss, and other comparisons of windows, without drift and with new texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.recurring import common_bodies, mixed
from benchmarks.evidence.running import SEED
from benchmarks.evidence.texts import Corpus, load, part, reference, windows
from benchmarks.table import Row, at_least, at_most
from driftwatch.domain.drift import DriftState, Measure
from driftwatch.domain.features import Digest, TextLosses
from driftwatch.drift.classifier import ClassifierDetector
from driftwatch.drift.loss import LossDetector
from driftwatch.drift.suffering import state_of
from driftwatch.drift.tokens import TokensDetector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.evidence.texts import Rows
    from driftwatch.domain.drift import Reference, ReferencePart, Window

_DIGEST = Digest("sha256:" + "7" * 64)
_LOG = {"clinc150": 9_000, "tweets": 12_000}
_SHARES = (0.0, 0.4, 0.6)
_WINDOWS = 24
_SIZE = 500
_HELDOUT = 0.1
_PARTS = (0.2, 0.1)
_MIX = (0.4, 0.35, 0.25)
"""Of one word, two and three."""


class Trigrams:
    """An interpolated trigram model of lower-case words (Jelinek and Mercer 1980).

    Args:
        bodies: that it learns, as often as they come.
    """

    def __init__(self, bodies: Iterable[str]) -> None:
        self._grams: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter(), Counter())
        self._before: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter(), Counter())
        for body in bodies:
            for gram in _trigrams(body):
                for order in range(3):
                    self._grams[order][gram[2 - order :]] += 1
                    self._before[order][gram[2 - order : 2]] += 1
        self._words = len(self._grams[0]) + 1

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return the bodies' losses in nats, by words."""
        nats, words = np.zeros(len(bodies)), np.zeros(len(bodies), dtype=np.int64)
        for place, body in enumerate(bodies):
            for gram in _trigrams(body):
                nats[place] -= np.log(self._chance(gram))
                words[place] += 1
        return TextLosses(nats=nats, tokens=words, digest=_DIGEST)

    def _chance(self, gram: tuple[str, str, str]) -> float:
        found = _MIX[0] * (self._grams[0][gram[2:]] + 1) / (self._before[0][()] + self._words)
        for order in (1, 2):
            before = self._before[order][gram[2 - order : 2]]
            found += _MIX[order] * self._grams[order][gram[2 - order :]] / before if before else 0.0
        return found


def _trigrams(body: str) -> Iterator[tuple[str, str, str]]:
    words = ["<s>", "<s>", *body.lower().split()]
    return zip(words, words[1:], words[2:], strict=False)


def suffering(data: Path, cache: Path, *, most: int = _WINDOWS) -> Iterator[Row]:
    """Return what windows of 500 show where bodies recur and nothing drifts, and where new texts come.

    Args:
        data: folder with ``corpora``.
        cache: where features are kept.
        most: windows of each kind.
    """
    for name in _LOG:
        yield from _recurring(load(data / "corpora" / f"{name}.jsonl", cache), name, most)
    yield from _new(load(data / "corpora" / "clinc150.jsonl", cache), most)


def _recurring(corpus: Corpus, name: str, most: int) -> Iterator[Row]:
    common = common_bodies(corpus)
    rest = np.setdiff1d(np.arange(len(corpus)), common)
    for share in _SHARES:
        random = np.random.default_rng([12, 0])
        order = random.permutation(rest)
        log = mixed(order[: _LOG[name]], common, share, random)
        reader = _read(corpus, log, random)
        stream = mixed(order[_LOG[name] :], common, share, random)
        found = [reader.measures(window) for window in reader.windows(stream, most)]
        label = f"{name}, {share:.0%} recur, no drift, {len(found)} windows"
        increases = np.array([each["loss.increase"].value for each in found])
        yield at_most(f"mean of loss.increase, either way, {label}", abs(float(increases.mean())), 0.1)
        decays = sum(_state(each, alarm=0.0) is DriftState.SILENT_DECAY for each in found)
        yield at_most(f"silent decay, {label}", decays, 0)
        beyond = Counter(measure.name for each in found for measure in each.values() if _beyond(measure))
        yield at_most(f"beyond null bands, the worst of AUC and tokens, {label}", max(beyond.values(), default=0), 4)


def _new(corpus: Corpus, most: int) -> Iterator[Row]:
    """Let texts of a domain come that the log has none of."""
    random = np.random.default_rng([13, 0])
    fresh = random.permutation(np.flatnonzero(corpus.domains == "travel"))
    order = random.permutation(np.flatnonzero(corpus.domains != "travel"))
    reader = _read(corpus, order[: _LOG["clinc150"]], random)
    quiet = order[_LOG["clinc150"] :]
    found = [reader.measures(window) for window in reader.windows(quiet, most)]
    called = sum(_state(each, alarm=1.0) is DriftState.HARMFUL_DRIFT for each in found)
    yield at_most(f"called harmful by loss or where_new, no drift, clinc150, {len(found)} windows", called, 0)
    for share in _PARTS:
        rows = quiet.copy()
        swapped = np.flatnonzero(random.random(len(rows)) < share)
        rows[swapped] = random.choice(fresh, size=len(swapped))
        found = [reader.measures(window) for window in reader.windows(rows, most)]
        called = sum(_state(each, alarm=1.0) is DriftState.HARMFUL_DRIFT for each in found)
        by_mean = sum(_state(each, alarm=0.0) is DriftState.SILENT_DECAY for each in found)
        what = f"called harmful, {share:.0%} of a new domain, clinc150, {len(found)} windows"
        yield at_least(f"{what} (peer: by loss.increase alone)", called, by_mean, peer=by_mean)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reader:
    """A log's model and reference, and the detectors fitted to it."""

    corpus: Corpus
    model: Trigrams
    reference: Reference

    def windows(self, rows: Rows, most: int) -> list[Window]:
        """Return windows of the rows, scored by the model."""
        found = windows(self.corpus, rows[: most * _SIZE], arl=1e4, size=_SIZE)
        return [
            replace(
                window,
                features=replace(window.features, losses=self.model.losses([text.body for text in window.texts])),
            )
            for window in found
        ]

    def measures(self, window: Window) -> dict[str, Measure]:
        """Return the window's measures by their names; each window is looked at by itself."""
        detectors = (LossDetector(), ClassifierDetector(), TokensDetector())
        results = [each.fit(self.reference, seed=SEED).update(window) for each in detectors]
        return {measure.name: measure for result in results for measure in result.measures}


def _read(corpus: Corpus, log: Rows, random: np.random.Generator) -> _Reader:
    """Return the reader of a log, a tenth of which it never saw."""
    held = random.random(len(log)) < _HELDOUT
    bodies = {corpus.bodies[row] for row in log[~held]}
    unseen = np.array(list({corpus.bodies[row]: row for row in log[held] if corpus.bodies[row] not in bodies}.values()))
    model = Trigrams(corpus.bodies[row] for row in log[~held])
    made = reference(corpus, log[~held], seed=SEED)
    train, cal, heldout = (_scored(each, model) for each in (made.train, made.cal, part(corpus, unseen)))
    made = replace(made, champion=_DIGEST, train=train, cal=cal, heldout=heldout)
    return _Reader(corpus=corpus, model=model, reference=made)


def _scored(texts: ReferencePart, model: Trigrams) -> ReferencePart:
    losses = model.losses([text.body for text in texts.texts])
    return replace(texts, features=replace(texts.features, losses=losses))


def _state(measures: dict[str, Measure], *, alarm: float) -> DriftState | None:
    return state_of([*measures.values(), Measure(name="drift.alarm", value=alarm)])


def _beyond(measure: Measure) -> bool:
    if measure.null_low is None or measure.null_high is None:
        return False
    return not measure.null_low <= measure.value <= measure.null_high

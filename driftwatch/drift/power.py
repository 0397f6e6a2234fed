"""What a reference, a budget and a way of betting can see, before anything happens: by simulation on the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import Reference, ReferencePart, Window
from driftwatch.domain.errors import DataError
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.features import concatenate, take
from driftwatch.drift.tiers import chosen, thinned

if TYPE_CHECKING:
    from driftwatch.domain.features import Features
    from driftwatch.domain.text import Text
    from driftwatch.drift.evidence.monitor import EvidenceMonitor
    from driftwatch.drift.evidence.settings import EvidenceSettings

Rows = npt.NDArray[np.int64]
OnProgress = Callable[[int, int], None]
SHARES = (1.0, 0.5, 0.2, 0.1, 0.05)
TRIALS = 9
QUICK_TRIALS = 3
LEAST_TEXTS = 2_000
TOPICS = 20
QUIET = 250
"""Texts before the change."""
_LONGEST = 3_000
_WINDOW = 50
_HELD_BACK = 0.3
_LEAST_TOPIC = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Delays of simulated drift.

    Args:
        share: of the traffic that is new.
        delays: texts from the change to the alarm, by trial; None where the texts at hand ran out before.
        horizon: texts at hand after the change, the fewest of all trials.
    """

    share: float
    delays: tuple[int | None, ...]
    horizon: int

    @property
    def median(self) -> int | None:
        """Median delay; None where fewer than half of the trials alarmed."""
        found = sorted(delay for delay in self.delays if delay is not None)
        middle = len(self.delays) // 2
        return found[middle] if middle < len(found) else None

    @property
    def seen(self) -> int:
        """Trials that alarmed."""
        return sum(delay is not None for delay in self.delays)


def power(
    reference: Reference,
    settings: EvidenceSettings,
    *,
    arl_texts: float,
    seed: int,
    trials: int = TRIALS,
    read: float = 1.0,
    on_progress: OnProgress = lambda _done, _total: None,
) -> tuple[Power, ...]:
    """Return the delays for a new topic at several shares of the traffic.

    In each trial one of twenty k-means clusters is taken out of the reference and plays the new topic; 30% of the rest
    are held back as the stream. So the reference simulated with is about a third smaller than the real one, and the
    delays are rather too long than too short. No text is used twice.

    Args:
        reference: with its features.
        settings: how texts are bet on; ``auto`` counts as blocks of eight.
        arl_texts: the false-alarm budget.
        seed: of clusters and draws.
        trials: topics to take out, one after the other.
        read: share of the stream's texts that the transformer tier reads, where the reference has one.
        on_progress: told streams done and in all.

    Raises:
        DataError: the reference is too small to take a topic out of it.
    """
    from sklearn.cluster import KMeans

    texts = (*reference.train.texts, *reference.cal.texts)
    features = concatenate([reference.train.features, reference.cal.features])
    topics = KMeans(TOPICS, n_init=1, random_state=seed).fit_predict(features.embeddings.values)
    sizes = np.bincount(topics, minlength=TOPICS)
    chosen = [int(topic) for topic in np.argsort(-sizes, kind="stable") if sizes[topic] >= _LEAST_TOPIC]
    if not chosen or len(texts) < LEAST_TEXTS:
        raise DataError(
            f"a reference of {len(texts):,} texts is too small to take a topic out of it and simulate",
            cure=f"give at least {LEAST_TEXTS:,} distinct training texts",
        )
    fixed = replace(settings, seasons="none", dependence=8 if settings.dependence == "auto" else settings.dependence)
    lot = _Lot(
        texts=texts,
        features=features,
        train=len(reference.train.texts),
        settings=fixed,
        arl_texts=arl_texts,
        read=max(round(read * _WINDOW), 1),
    )
    found: dict[float, list[tuple[int | None, int]]] = {share: [] for share in SHARES}
    for trial in range(trials):
        random = np.random.default_rng([seed, trial])
        topic = chosen[(trial * len(chosen)) // trials]
        for share, outcome in lot.trial(reference, topics == topic, random, seed):
            found[share].append(outcome)
            on_progress(sum(len(each) for each in found.values()), trials * len(SHARES))
    return tuple(
        Power(
            share=share,
            delays=tuple(delay for delay, _ in outcomes),
            horizon=min(horizon for _, horizon in outcomes),
        )
        for share, outcomes in found.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lot:
    texts: tuple[Text, ...]
    features: Features
    train: int
    settings: EvidenceSettings
    arl_texts: float
    read: int

    def trial(
        self, reference: Reference, new: npt.NDArray[np.bool_], random: np.random.Generator, seed: int
    ) -> Iterator[tuple[float, tuple[int | None, int]]]:
        rest = random.permutation(np.flatnonzero(~new))
        held = rest[: min(int(len(rest) * _HELD_BACK), QUIET + _LONGEST)]
        kept = np.sort(rest[len(held) :])
        smaller = replace(
            reference,
            train=self._part(kept[kept < self.train]),
            cal=self._part(kept[kept >= self.train]),
            heldout=self._part(kept[:0]),  # the champion learnt what is streamed: its loss says nothing of production's
        )
        topic = random.permutation(np.flatnonzero(new))
        monitor = EvidenceDetector(self.settings).fit(smaller, seed=seed)
        fresh = monitor.state()
        for share in SHARES:
            monitor.go_on(fresh)
            stream = _changing(held, topic, share, random)
            yield share, (self._delay(monitor, stream), len(stream) - QUIET)

    def _part(self, rows: Rows) -> ReferencePart:
        return ReferencePart(texts=tuple(self.texts[row] for row in rows), features=take(self.features, rows))

    def _delay(self, monitor: EvidenceMonitor, stream: Rows) -> int | None:
        for index, start in enumerate(range(0, len(stream), _WINDOW)):
            rows = stream[start : start + _WINDOW]
            texts = tuple(self.texts[row] for row in rows)
            window = Window(
                stream="power",
                index=index,
                texts=texts,
                features=thinned(take(self.features, rows), chosen(texts, most=self.read)),
                seqs=tuple(range(start + 1, start + len(rows) + 1)),
                arl_texts=self.arl_texts,
            )
            monitor.update(window)
            if monitor.peak.height >= 0 and start + monitor.peak.texts > QUIET:  # one before is false, and begins anew
                return start + monitor.peak.texts - QUIET
        return None


def _changing(old: Rows, new: Rows, share: float, random: np.random.Generator) -> Rows:
    """Return old texts with a share of new ones after the quiet begin, as many as the texts at hand allow."""
    is_new = random.random(_LONGEST) < share
    enough = (np.cumsum(is_new) <= len(new)) & (np.cumsum(~is_new) <= len(old) - QUIET)
    is_new = is_new[: len(enough) if enough.all() else int(enough.argmin())]
    after = np.empty(len(is_new), dtype=np.int64)
    after[is_new] = new[: int(is_new.sum())]
    after[~is_new] = old[QUIET : QUIET + int((~is_new).sum())]
    return np.concatenate([old[:QUIET], after])


def sentence(found: Sequence[Power]) -> str:
    """Return for people what can be seen, at a tenth of the traffic."""
    tenth = next(each for each in found if each.share == 0.1)  # noqa: PLR2004 - a tenth
    if tenth.median is None:
        return f"a new topic of 10% of the traffic is not seen within {tenth.horizon:,} texts in most trials"
    return f"a new topic of 10% of the traffic is seen within about {tenth.median:,} texts (median)"

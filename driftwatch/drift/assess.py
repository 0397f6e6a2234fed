"""Assesses windows with every detector: what the worker does with features once it has them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.drift import Measure, Outcome, Reference, Window, WindowResult
from driftwatch.domain.errors import DataError, EncoderError
from driftwatch.domain.features import LossUnit
from driftwatch.drift.audit import AuditDetector
from driftwatch.drift.classifier import ClassifierDetector
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.known import Known, known_of
from driftwatch.drift.evidence.monitor import EvidenceMonitor
from driftwatch.drift.evidence.seen import keys_of
from driftwatch.drift.explain import Explainer, Explanation, texts_apart
from driftwatch.drift.features import every_embedding, require_same
from driftwatch.drift.length import LengthDetector
from driftwatch.drift.looks import LooksDetector
from driftwatch.drift.loss import LossDetector
from driftwatch.drift.mmd import MmdDetector
from driftwatch.drift.rows import distinct
from driftwatch.drift.share import ShareDetector
from driftwatch.drift.suffering import state_of
from driftwatch.drift.tiers import close_reference, close_window
from driftwatch.drift.tokens import TokensDetector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.domain.protocols import Detector
    from driftwatch.drift.drills.drill import Drill

DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        detector.name: detector
        for detector in (
            EvidenceDetector(),
            MmdDetector(),
            ClassifierDetector(),
            LooksDetector(),
            TokensDetector(),
            LengthDetector(),
            LossDetector(),
            ShareDetector(),
            AuditDetector(),
        )
    }
)
"""Built-in detectors in the order their measures are shown; plugins are added behind them."""

LEAST_DISTINCT = 50
"""A window with fewer distinct texts says nothing about drift by itself; its texts still count as evidence."""
ALWAYS = frozenset({"evidence", "audit"})
"""Detectors that gather over windows, however small."""
CLOSE = frozenset({"embedding", "classifier", "looks", "share"})
"""Detectors that compare embeddings: where there are two tiers, those of the texts that the transformer read."""
_EXEMPLARS = 5
_EXEMPLAR_LENGTH = 200


class Assessor:
    """Every detector fitted to one reference.

    Args:
        reference: what windows are compared with.
        seed: of every random choice.
        states: of the monitors when they were last stopped, by detector.
        detectors: which to use.
        drills: on shadows of the detector ``evidence``, their states restored.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        seed: int,
        states: Mapping[str, bytes] | None = None,
        detectors: Mapping[str, Detector] = DETECTORS,
        drills: Sequence[Drill] = (),
    ) -> None:
        self._reference = reference
        self._close = close = close_reference(reference)
        self._known = known_of(reference)
        self._drills = tuple(drills)
        self._monitors = {
            name: detector.fit(close if name in CLOSE else reference, seed=seed, state=(states or {}).get(name))
            for name, detector in detectors.items()
        }
        self._explainer = Explainer(close, seed=seed)

    def assess(self, window: Window, *, first_seq: int, last_seq: int, champion: str | None = None) -> WindowResult:
        """Measure a window.

        Args:
            window: texts and features.
            first_seq: store order of its first text.
            last_seq: of its last.
            champion: version of the model that scored it.

        Raises:
            DataError: it holds no text.
            DigestMismatchError: its features come from other models than the reference's.
            EncoderError: an embedding is no number.
        """
        if not window.texts:
            raise DataError("there is no text to assess", cure="give at least 50 distinct texts")
        require_same(self._reference.cal.features, window.features)
        if not all(np.isfinite(values).all() for values in every_embedding(window.features)):
            raise EncoderError("the window holds embeddings that are no numbers", cure="check the encoder's weights")
        rows, _ = distinct(window)
        enough, close = len(rows) >= LEAST_DISTINCT, close_window(window)
        close_enough = enough if close is window else len(distinct(close)[0]) >= LEAST_DISTINCT
        measured = [
            monitor.update(close if name in CLOSE else window)
            for name, monitor in self._monitors.items()
            if name in ALWAYS or (close_enough if name in CLOSE else enough)
        ]
        measures = tuple(measure for result in measured for measure in result.measures)
        explained = self._explain(window, close, measures) if close_enough else Explanation()
        return WindowResult(
            stream=window.stream,
            index=window.index,
            first_seq=first_seq,
            last_seq=last_seq,
            texts=len(window.texts),
            distinct=len(rows),
            first_seen_at=min(text.seen_at for text in window.texts),
            last_seen_at=max(text.seen_at for text in window.texts),
            reference=self._reference.version,
            champion=champion,
            outcome=Outcome.ASSESSED if enough else Outcome.TOO_LITTLE_DATA,
            measures=(*_of_window(window, len(rows), self._known), *measures, *self._drilled(window)),
            words=explained.words,
            exemplars=self._exemplars(close) if close_enough else (),
            state=state_of(measures),
            onset=next((result.onset for result in measured if result.onset is not None), None),
            channels=tuple(channel for result in measured for channel in result.channels),
            clusters=explained.clusters,
            slices=explained.slices,
            map=explained.map,
            loss_unit=window.features.losses.unit if window.features.losses is not None else LossUnit.TOKEN,
            arl_texts=window.arl_texts,
        )

    def _explain(self, window: Window, close: Window, measures: Sequence[Measure]) -> Explanation:
        """Say what drifted, of texts as far apart as the burn-in found them to depend on each other."""
        evidence = self._monitors.get("evidence")
        dependence = evidence.dependence if isinstance(evidence, EvidenceMonitor) else None
        every = None if close is window else window
        return self._explainer.explain(close, with_map=_raised(measures), apart=texts_apart(dependence), every=every)

    def states(self) -> dict[str, bytes]:
        """Return the monitors' states by detector, for a restart."""
        return {
            **{name: monitor.state() for name, monitor in self._monitors.items()},
            **{drill.name: drill.state() for drill in self._drills},
        }

    def _drilled(self, window: Window) -> tuple[Measure, ...]:
        evidence = self._monitors.get("evidence")
        if not isinstance(evidence, EvidenceMonitor):
            return ()
        return tuple(measure for drill in self._drills for measure in drill.update(window, evidence))

    def _exemplars(self, window: Window) -> tuple[str, ...]:
        """Return the window's texts whose nearest reference text is farthest."""
        rows, _ = distinct(window)
        nearest = (window.features.embeddings.values[rows] @ self._close.cal.features.embeddings.values.T).max(1)
        farthest = rows[np.argsort(nearest, kind="stable")[:_EXEMPLARS]]
        return tuple(_shortened(window.texts[row].body) for row in farthest)


def _raised(measures: Sequence[Measure]) -> bool:
    """Say whether evidence reached its threshold in this window."""
    return any(measure.name == "drift.evidence" and measure.value >= 0 for measure in measures)


def _of_window(window: Window, distinct_texts: int, known: Known) -> tuple[Measure, ...]:
    texts, tier = len(window.texts), window.features.tier
    read = () if tier is None else (Measure(name="window.transformer_texts", value=float(len(tier.rows))),)
    return (
        Measure(name="window.texts", value=float(texts)),
        *read,
        Measure(name="window.duplicate_share", value=1 - distinct_texts / texts),
        Measure(name="window.known_share", value=float(known(keys_of(window)).mean())),
    )


def _shortened(body: str) -> str:
    text = " ".join(body.split())
    return text if len(text) <= _EXEMPLAR_LENGTH else text[: _EXEMPLAR_LENGTH - 1] + "…"

"""An incident on real prose: words, clusters and map measured on it, evidence and loss made up over the windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from drift_samples import known, new
from run_samples import run_spec
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from driftwatch.domain.decision import Action, Decision, Reason
from driftwatch.domain.drift import (
    Change,
    ChannelEvidence,
    ClusterShift,
    DriftMap,
    DriftState,
    Measure,
    Onset,
    Outcome,
    SliceShift,
    WindowResult,
)
from driftwatch.domain.run import Run, RunState, Transition
from driftwatch.drift.words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

BEGIN = datetime(2026, 11, 1, 21, 30, tzinfo=UTC)
EACH = timedelta(minutes=47)
TEXTS, ONSET, ALARM, SHOWN = 500, 17, 18, 19
_SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """All that the page is made from."""

    result: WindowResult
    history: tuple[WindowResult, ...]
    decisions: tuple[Decision, ...]
    runs: tuple[Run, ...]


@cache
def incident(
    before: tuple[str, ...] | None = None,
    after: tuple[str, ...] | None = None,
    *,
    stream: str = "docs",
    share: float = 0.3,
) -> Incident:
    """Return an incident: from window 17 on a share of the texts is of another kind.

    Args:
        before: bodies like the reference's; paragraphs of scientific packages by default.
        after: bodies of the new kind; paragraphs of deep-learning packages by default.
        stream: its name.
        share: of the new kind, 0 to 1.
    """
    before, after = before or known()[:3_000], after or new()[:300]
    fresh = int(TEXTS * share)
    bodies = [*before[: TEXTS - fresh], *after[:fresh]]
    reference = list(before[TEXTS:])
    windows = tuple(_quiet(index, stream) for index in range(SHOWN + 3))
    result = replace(_explained(reference, bodies), **_about(windows[SHOWN]))  # type: ignore[arg-type]
    history = (*windows[:SHOWN], result, *windows[SHOWN + 1 :])
    return Incident(result=result, history=history, decisions=_decisions(result), runs=(_run(result),))


def quiet() -> WindowResult:
    """Return a window in which nothing happened."""
    return _quiet(3, "docs")


def too_little() -> WindowResult:
    """Return a window of too few texts, with nothing but their number."""
    measures = (Measure(name="window.texts", value=31.0),)
    bare = {"texts": 31, "distinct": 22, "champion": None, "state": None, "measures": measures}
    return replace(quiet(), outcome=Outcome.TOO_LITTLE_DATA, **bare)  # type: ignore[arg-type]


def _quiet(index: int, stream: str) -> WindowResult:
    random = np.random.default_rng([_SEED, index])
    since = index - ONSET
    evidence = float(random.normal(-4.1, 0.6)) if since < 0 else (-0.7, 2.3, 5.9, 9.1, 12.4)[min(since, 4)]
    increase = float(random.normal(0.01, 0.02)) + (0.0 if since < 0 else (0.17, 0.33, 0.36, 0.34, 0.37)[min(since, 4)])
    began = BEGIN + index * EACH
    return WindowResult(
        stream=stream,
        index=index,
        first_seq=index * TEXTS + 1,
        last_seq=(index + 1) * TEXTS,
        texts=TEXTS,
        distinct=TEXTS - 13,
        first_seen_at=began,
        last_seen_at=began + EACH - timedelta(seconds=9),
        reference="r3f9c01d2ab47",
        champion="m1be7720c54aa",
        outcome=Outcome.ASSESSED,
        state=DriftState.STABLE if since < 1 else DriftState.HARMFUL_DRIFT,
        measures=(
            Measure(name="drift.alarm", value=float(since >= ALARM - ONSET)),
            Measure(name="drift.evidence", value=evidence),
            Measure(name="loss.nats", value=3.62 + increase, low=3.57 + increase, high=3.67 + increase),
            Measure(name="loss.increase", value=increase, low=increase - 0.06, high=increase + 0.06),
            Measure(name="loss.where_new", value=increase / 2, low=increase / 2 - 0.06, high=increase / 2 + 0.06),
        ),
        words=(),
    )


def _about(window: WindowResult) -> dict[str, object]:
    """Return which window it is, and what was measured on it."""
    onset = Onset(seq=ONSET * TEXTS + 213, seen_at=BEGIN + ONSET * EACH + EACH * 0.42, texts=1_287)
    age = (window.last_seen_at - onset.seen_at).total_seconds()
    measures = (
        *window.measures,
        Measure(name="drift.onset_age", value=age),
        Measure(name="drift.new_share", value=0.213),
        Measure(name="embedding.auc", value=0.634, low=0.607, high=0.661, null_low=0.478, null_high=0.522),
        Measure(name="embedding.mmd2", value=0.0213, low=0.0162, high=0.0268, null_low=-0.0011, null_high=0.0014),
        Measure(name="embedding.mmd_p", value=0.001),
        Measure(name="tokens.jsd", value=0.0391, low=0.0334, high=0.0451, null_low=-0.0026, null_high=0.0028),
        Measure(name="tokens.psi", value=0.162, low=0.131, high=0.197, null_low=-0.012, null_high=0.013),
        Measure(name="tokens.unknown_share", value=0.0061, low=0.0044, high=0.0083, null_low=0.0004, null_high=0.0021),
        Measure(name="text.length", value=44.0, low=42.0, high=46.0, null_low=41.0, null_high=47.0),
        Measure(name="loss.perplexity_ratio", value=1.43, low=1.35, high=1.52),
        Measure(name="window.texts", value=float(TEXTS)),
        Measure(name="window.duplicate_share", value=0.026),
    )
    kept = ("stream", "index", "first_seq", "last_seq", "texts", "distinct", "first_seen_at", "last_seen_at")
    return {name: getattr(window, name) for name in kept} | {"measures": measures, "onset": onset}


def _explained(reference: Sequence[str], bodies: Sequence[str]) -> WindowResult:
    """Return words, clusters, map and exemplars as they are in these texts."""
    points, labels = _embedded([*reference, *bodies])
    there, here = labels[: len(reference)], labels[len(reference) :]
    words = Words(reference)
    shifts = sorted(set(labels.tolist()), key=lambda each: -abs((here == each).mean() - (there == each).mean()))[:4]
    clusters = [_cluster([*reference, *bodies], each, there, here, words) for each in shifts]
    order = np.argsort([{Change.NEW: 0, Change.GROWN: 1, Change.SHRUNK: 2}[c.change] for c in clusters], kind="stable")
    places = {shifts[old]: place for place, old in enumerate(order)}
    rows = np.random.default_rng(_SEED).permutation(len(reference))[:700]
    return replace(
        quiet(),
        state=DriftState.HARMFUL_DRIFT,
        words=words.shifts(bodies),
        exemplars=tuple(_shortened(body) for body in bodies[-3:]),
        clusters=tuple(clusters[each] for each in order),
        slices=(
            SliceShift(label="channel", value="mobile app", texts=171, share=0.351, log10_e=9.4, new_share=0.44),
            SliceShift(label="language", value="en-GB", texts=102, share=0.209, log10_e=4.1, new_share=0.19),
        ),
        channels=(
            ChannelEvidence(bank="witness", name="prototype 31", share=0.148, reference_share=0.006, log10_e=9.1),
            ChannelEvidence(
                bank="directions", name="novelty > q 0.98", share=0.131, reference_share=0.022, log10_e=7.7
            ),
            ChannelEvidence(
                bank="tokens", name="\u201cmicrosoft\u201d", share=0.093, reference_share=0.011, log10_e=6.2
            ),
            ChannelEvidence(bank="loss", name="loss > q 0.875", share=0.241, reference_share=0.138, log10_e=3.8),
        ),
        map=DriftMap(
            reference=tuple((float(x), float(y)) for x, y in points[rows]),
            window=tuple((float(x), float(y)) for x, y in points[len(reference) :]),
            clusters=tuple(places.get(int(each), -1) for each in here),
        ),
    )


def _embedded(bodies: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return each body's place on the map within 0 to 1, float64 [n, 2], and its cluster, int64 [n]."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    values = TfidfVectorizer(min_df=3, stop_words="english", sublinear_tf=True).fit_transform(bodies)
    dense = TruncatedSVD(16, random_state=_SEED).fit_transform(values)
    dense /= np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9)
    labels = KMeans(12, n_init=1, random_state=_SEED).fit_predict(dense).astype(np.int64)
    flat = dense @ np.linalg.svd(dense - dense.mean(0), full_matrices=False)[2][:2].T
    ranks = (flat - flat.min(0)) / (flat.max(0) - flat.min(0))
    return ranks, labels


def _cluster(
    bodies: Sequence[str], label: int, there: npt.NDArray[np.int64], here: npt.NDArray[np.int64], words: Words
) -> ClusterShift:
    """Return a cluster of the bodies, the reference's first."""
    share, before = float((here == label).mean()), float((there == label).mean())
    error = 1.96 * float(np.sqrt(share * (1 - share) / len(here)))
    change = Change.SHRUNK if share < before else Change.NEW if before < 0.03 else Change.GROWN
    everywhere = [body for body, each in zip(bodies, [*there, *here], strict=True) if each == label]
    members = [body for body, each in zip(bodies[len(there) :], here, strict=True) if each == label]
    risen = [word for word in words.keywords(everywhere, most=20) if word not in ENGLISH_STOP_WORDS]
    return ClusterShift(
        change=change,
        keywords=tuple(risen[:6]),
        share=share,
        low=max(share - error, 0.0),
        high=share + error,
        reference_share=before,
        texts=len(members),
        exemplars=tuple(_shortened(body) for body in _typical(members, risen)[:3])
        if change is not Change.SHRUNK
        else (),
        loss=4.21 + before if change is not Change.SHRUNK else 3.55,
    )


def _typical(members: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the members that hold the most of a cluster's words first."""
    return sorted(members, key=lambda body: -len(set(body.lower().split()) & set(names)))


def _decisions(result: WindowResult) -> tuple[Decision, ...]:
    def of(window: int, rule: str, action: Action, *reasons: Reason) -> Decision:
        at = BEGIN + (window + 1) * EACH
        return Decision(
            stream=result.stream, window=window, rule=rule, action=action, reasons=reasons, at=at, policy="p1"
        )

    holds = Reason(subject="when", met=True, detail="drift.alarm is 1, drift.new_share is 0.21 (limit 0.05)")
    waits = Reason(subject="need.fresh_texts", met=False, detail="787 fresh texts, 1000 are needed")
    enough = Reason(subject="need.fresh_texts", met=True, detail="1287 fresh texts, 1000 are needed")
    cool = Reason(subject="limits.cooldown", met=True, detail="the last run ended 9 d ago (cooldown 24 h)")
    return (
        of(ALARM, "tell", Action.ALERT, holds),
        of(ALARM, "retrain-on-harm", Action.HOLD, holds, waits),
        of(SHOWN, "tell", Action.HOLD, Reason(subject="acted", met=False, detail="it alerted already in this streak")),
        of(SHOWN, "retrain-on-harm", Action.RETRAIN, holds, enough, cool),
    )


def _run(result: WindowResult) -> Run:
    spec = run_spec(
        f"{result.stream}-w0000019-retrain-on-harm",
        stream=result.stream,
        rule="retrain-on-harm",
        window=SHOWN,
        first_seq=ONSET * TEXTS + 213,
        last_seq=result.last_seq,
        reference=result.reference,
        champion="m1be7720c54aa",
    )
    at = BEGIN + (SHOWN + 1) * EACH + timedelta(seconds=2)
    steps = (Transition(state=RunState.TRAINING, at=at, reason="1,029 texts collected, 258 held out"),)
    return Run(
        spec=spec, state=RunState.TRAINING, round=1, created_at=at, updated_at=at, transitions=steps, verdicts=()
    )


def _shortened(body: str) -> str:
    text = " ".join(body.split())
    return text if len(text) <= 200 else text[:199] + "\u2026"

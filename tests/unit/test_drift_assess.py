"""Assessing windows: what is measured, what is refused, what people see."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import DriftResult, Measure, Outcome, Reference, Window, WindowResult
from driftwatch.domain.errors import DataError, DigestMismatchError, EncoderError
from driftwatch.domain.features import Digest, Features
from driftwatch.drift.assess import DETECTORS, Assessor
from driftwatch.drift.loss import LossDetector
from driftwatch.drift.page import headline, window_page


@pytest.fixture(scope="module")
def reference() -> Reference:
    return samples.reference(samples.known()[:2_000], heldout=samples.known()[2_000:2_200])


@pytest.fixture(scope="module")
def assessor(reference: Reference) -> Assessor:
    return Assessor(reference, seed=7)


def assess(assessor: Assessor, window: Window) -> WindowResult:
    return assessor.assess(window, first_seq=1, last_seq=len(window.texts), champion="m1")


def test_a_quiet_window_stays_quiet(assessor: Assessor) -> None:
    result = assess(assessor, samples.window(samples.known()[3_000:3_300]))
    assert result.outcome is Outcome.ASSESSED
    assert (result.value("embedding.mmd_p") or 0) > 0.001
    assert result.value("drift.new_share") == 0
    assert headline(result) == "This window looks like the reference."


def test_another_topic_shows_everywhere(assessor: Assessor) -> None:
    result = assess(assessor, samples.window(samples.new()[:300]))
    assert (result.value("embedding.mmd_p") or 1) <= 0.001
    assert result.words
    assert result.words[0].z > 0
    assert len(result.exemplars) == 5
    assert all(len(body) <= 200 for body in result.exemplars)
    assert "has drifted" in headline(result)


def test_too_little_data_is_said_and_counts_stay_valid(assessor: Assessor) -> None:
    result = assess(assessor, samples.window(samples.known()[:49] * 3))
    assert result.outcome is Outcome.TOO_LITTLE_DATA
    assert (result.texts, result.distinct) == (147, 49)
    measures = {m.name: m.value for m in result.measures if not m.name.startswith(("drift.", "audit."))}
    assert measures == {
        "window.texts": 147,
        "window.duplicate_share": pytest.approx(2 / 3),
        "window.known_share": 1.0,
    }
    assert headline(result).startswith("Too little data")


def test_a_restarted_assessor_goes_on_alike(reference: Reference) -> None:
    windows = [samples.window(samples.known()[start : start + 200], index=start) for start in (3_000, 3_200)]
    whole = Assessor(reference, seed=7)
    expected = [assess(whole, window) for window in windows]
    first = Assessor(reference, seed=7)
    assert assess(first, windows[0]) == expected[0]
    assert assess(Assessor(reference, seed=7, states=first.states()), windows[1]) == expected[1]


def test_an_empty_window_is_refused(assessor: Assessor) -> None:
    with pytest.raises(DataError, match="no text"):
        assess(assessor, samples.window([]))


def test_features_of_another_encoder_are_refused(assessor: Assessor) -> None:
    window = samples.window(samples.known()[:100])
    other = samples.features(samples.known()[:100], encoder=Digest("sha256:" + "f" * 64))
    with pytest.raises(DigestMismatchError, match="encoder"):
        assess(assessor, replace(window, features=other))


def test_embeddings_that_are_no_numbers_are_refused(assessor: Assessor) -> None:
    window = samples.window(samples.known()[:100])
    values = np.full_like(window.features.embeddings.values, np.nan)
    broken = replace(window.features, embeddings=replace(window.features.embeddings, values=values))
    with pytest.raises(EncoderError, match="no numbers"):
        assess(assessor, replace(window, features=broken))


@dataclass(frozen=True)
class Counting:
    """A detector from elsewhere, its state the number of windows seen."""

    name: str = "counting"
    seen: int = 0

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> CountingMonitor:
        del reference, seed
        return CountingMonitor(int(state or b"0"))


class CountingMonitor:
    def __init__(self, seen: int) -> None:
        self.seen = seen

    def update(self, window: Window) -> DriftResult:
        del window
        self.seen += 1
        return DriftResult(detector="counting", measures=(Measure(name="plugin.windows", value=float(self.seen)),))

    def state(self) -> bytes:
        return str(self.seen).encode()


def test_plugins_follow_the_built_in_detectors_and_keep_their_state(reference: Reference) -> None:
    detectors = {**DETECTORS, "counting": Counting()}
    first = Assessor(reference, seed=7, detectors=detectors)
    window = samples.window(samples.known()[3_000:3_100])
    assert assess(first, window).measures[-1].value == 1
    again = Assessor(reference, seed=7, detectors=detectors, states=first.states())
    assert assess(again, window).measures[-1].value == 2


@pytest.mark.parametrize(("heldout", "increase"), [(100, 0.5), (99, 1.0)])
def test_loss_is_held_against_heldout_where_there_is_enough(heldout: int, increase: float) -> None:
    reference = samples.reference(samples.known()[:600], heldout=samples.known()[1_000 : 1_000 + heldout])
    parts = [(reference.heldout, 2.5), (reference.cal, 2.0)]
    held, cal = (replace(part, features=_loss(part.features, nats)) for part, nats in parts)
    window = samples.window(samples.known()[3_000:3_100])
    monitor = LossDetector().fit(replace(reference, heldout=held, cal=cal), seed=7)
    found = {m.name: m for m in monitor.update(replace(window, features=_loss(window.features, 3.0))).measures}
    assert found["loss.nats"].value == pytest.approx(3.0)
    assert found["loss.increase"].value == pytest.approx(increase)
    assert found["loss.perplexity_ratio"].value == pytest.approx(np.exp(increase))


def test_the_page_is_self_contained_and_escapes(assessor: Assessor) -> None:
    evil = [f'<script src="https://evil.example/{row}">&\'"</script> {row}' for row in range(80)]
    page = window_page(assess(assessor, samples.window(evil)), report='x"><script>')
    assert "<script" not in page
    assert "&lt;script" in page
    assert "<svg" in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def _loss(features: Features, nats: float) -> Features:
    assert features.losses is not None
    return replace(features, losses=replace(features.losses, nats=(nats * features.losses.tokens).astype(np.float64)))

"""The evidence's own audit: a shadow stream of reference texts that must stay silent, and counts where it doesn't."""

from __future__ import annotations

from dataclasses import replace

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import DriftResult, Outcome, Reference
from driftwatch.domain.features import Embeddings
from driftwatch.drift.assess import Assessor
from driftwatch.drift.audit import ARL_TEXTS, TEXTS, AuditDetector

SEED = 7


@pytest.fixture(scope="module")
def reference() -> Reference:
    return samples.reference(samples.known()[:3_000])


def value(result: DriftResult, name: str) -> float:
    return next(measure.value for measure in result.measures if measure.name == f"audit.{name}")


def test_reference_texts_raise_hardly_an_alarm_and_every_text_is_counted(reference: Reference) -> None:
    audit = AuditDetector().fit(reference, seed=SEED)
    for index in range(30):
        result = audit.update(samples.window(samples.new()[:60], index=index))
    assert value(result, "texts") == 30 * TEXTS
    assert value(result, "arl_texts") == ARL_TEXTS
    assert value(result, "alarms") <= 2  # at most 1.44 expected; what the stream itself brings does not matter


def test_a_stop_and_a_start_change_nothing(reference: Reference) -> None:
    windows = [samples.window(samples.known()[3_000:3_060], index=index) for index in range(16)]
    through, stopped = AuditDetector().fit(reference, seed=SEED), AuditDetector().fit(reference, seed=SEED)
    for window in windows:
        expected = through.update(window)
        assert stopped.update(window) == expected
        stopped = AuditDetector().fit(reference, seed=SEED, state=stopped.state())
    assert stopped.state() == through.state()
    assert value(expected, "texts") == 16 * TEXTS  # beyond the 1,125 held back: they were begun anew


def test_it_counts_the_alarms_of_a_broken_calibration(reference: Reference) -> None:
    """Every other CAL text is another's: the stream no longer looks like what the shadow was calibrated on."""
    strange = samples.features(samples.new(600))
    values = reference.cal.features.embeddings.values.copy()
    rows = np.arange(1, len(values), 2)
    values[rows] = strange.embeddings.values[np.arange(len(rows)) % 600]
    embeddings = Embeddings(values=values, digest=reference.cal.features.embeddings.digest)
    broken = replace(
        reference, cal=replace(reference.cal, features=replace(reference.cal.features, embeddings=embeddings))
    )
    audit = AuditDetector().fit(broken, seed=SEED)
    for index in range(10):
        result = audit.update(samples.window(samples.known()[3_000:3_060], index=index))
    assert value(result, "alarms") >= 3


def test_a_small_reference_has_no_audit() -> None:
    audit = AuditDetector().fit(samples.reference(samples.known()[:1_000]), seed=SEED)
    assert audit.update(samples.window(samples.known()[3_000:3_060])).measures == ()
    assert audit.state() == b""


def test_windows_of_too_little_data_carry_its_counts_too(reference: Reference) -> None:
    assessor = Assessor(reference, seed=SEED)
    result = assessor.assess(samples.window(samples.known()[3_000:3_010]), first_seq=1, last_seq=10)
    assert result.outcome is Outcome.TOO_LITTLE_DATA
    assert result.value("audit.texts") == TEXTS


def test_what_the_champion_learnt_better_than_held_out_text_is_no_alarm() -> None:
    """CAL is training text: its loss is lower than that of the held-out texts which bets on the loss are made from."""
    whole = samples.reference(samples.known()[:3_000], heldout=samples.known()[3_000:4_200])
    losses = whole.cal.features.losses
    assert losses is not None
    learnt = replace(whole.cal.features, losses=replace(losses, nats=losses.nats * 0.8))
    audit = AuditDetector().fit(replace(whole, cal=replace(whole.cal, features=learnt)), seed=SEED)
    for index in range(30):
        result = audit.update(samples.window(samples.new()[:60], index=index))
    assert value(result, "alarms") <= 2

"""Power: larger shares are seen sooner, a budget costs delay, and a small reference says so."""

from __future__ import annotations

import drift_samples as samples
import pytest

from driftwatch.domain.errors import DataError
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.drift.power import SHARES, Power, power, sentence

TRIALS = 2


@pytest.fixture(scope="module")
def found() -> tuple[Power, ...]:
    reference = samples.reference(samples.known()[:4_000])
    told: list[tuple[int, int]] = []
    result = power(
        reference,
        EvidenceSettings(),
        arl_texts=1e4,
        seed=7,
        trials=TRIALS,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done + 1, TRIALS * len(SHARES)) for done in range(TRIALS * len(SHARES))]
    return result


def test_a_whole_new_topic_is_seen_and_smaller_shares_are_seen_later_or_not(found: tuple[Power, ...]) -> None:
    assert [each.share for each in found] == list(SHARES)
    assert found[0].seen >= 1
    assert found[0].seen >= found[-1].seen
    assert all(len(each.delays) == TRIALS for each in found)
    assert all(delay is None or delay >= 1 for each in found for delay in each.delays)


def test_the_sentence_says_how_long_or_that_it_is_not_seen() -> None:
    rest = [Power(share=share, delays=(5,), horizon=100) for share in SHARES if share != 0.1]
    seen = Power(share=0.1, delays=(400, None, 600), horizon=900)
    unseen = Power(share=0.1, delays=(400, None, None), horizon=900)
    assert (seen.median, seen.seen) == (600, 2)
    assert sentence([*rest, seen]) == "a new topic of 10% of the traffic is seen within about 600 texts (median)"
    assert unseen.median is None
    assert "is not seen within 900 texts" in sentence([*rest, unseen])


def test_a_small_reference_is_refused_with_the_cure() -> None:
    with pytest.raises(DataError, match="too small"):
        power(samples.reference(samples.known()[:800]), EvidenceSettings(), arl_texts=1e4, seed=7)

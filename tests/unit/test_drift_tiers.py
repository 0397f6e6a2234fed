"""Two tiers of encoders: which texts the transformer reads, and that both tiers' features stay with their texts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import drift_samples as samples
import numpy as np
import pytest
import tier_samples as tiers

from driftwatch.domain.errors import DigestMismatchError, EncoderError
from driftwatch.domain.features import Tier
from driftwatch.domain.text import Text
from driftwatch.drift.archive import load_reference, reference_encoders, save_reference
from driftwatch.drift.assess import CLOSE, DETECTORS, Assessor
from driftwatch.drift.features import concatenate, take
from driftwatch.drift.forget import without_group
from driftwatch.drift.tiers import chosen, close_reference, close_window, thinned, wide_reference
from driftwatch.intake.sampler import HashSampler, SampleSettings

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.drift import WindowResult

BODIES = samples.known()[:900]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def texts(count: int, *, window: int = 0, groups: list[str | None] | None = None) -> list[Text]:
    return [
        Text(
            id=f"{window}-{number}",
            body=f"text {window} {number}",
            seen_at=NOON,
            group=groups[number] if groups is not None else None,
        )
        for number in range(count)
    ]


def test_the_same_texts_are_chosen_whatever_they_say_and_wherever_they_stand() -> None:
    window = texts(500)
    rows = chosen(window, most=60)
    assert len(rows) == 60
    assert (np.diff(rows) > 0).all()
    ids = {window[row].id for row in rows}
    turned = [replace(text, body="another") for text in reversed(window)]
    assert {turned[row].id for row in chosen(turned, most=60)} == ids
    assert chosen(window, most=500).tolist() == chosen(window, most=9_999).tolist() == list(range(500))
    assert set(rows.tolist()) < set(chosen(window, most=61).tolist())


def test_the_choice_is_not_that_of_intake() -> None:
    """Intake keeps ids of low hashes: chosen by the same hash, the transformer would read the lowest of these."""
    window = texts(2_000)
    kept = HashSampler(SampleSettings(rate=0.1))
    low = [row for row, text in enumerate(window) if kept.keep(text)]
    both = np.isin(low, chosen(window, most=200)).mean()
    assert 0.03 < both < 0.2


def test_groups_are_chosen_whole_and_large_ones_no_oftener_than_small_ones() -> None:
    groups = [*(f"large {number // 6}" for number in range(120)), *(f"small {number}" for number in range(80))]
    read: Counter[str] = Counter()
    for number in range(300):
        window = texts(200, window=number, groups=[f"{name} of {number}" for name in groups])
        rows = chosen(window, most=60)
        assert 60 - 5 <= len(rows) <= 60
        found = Counter(window[row].group for row in rows)
        assert all(count in (1, 6) for count in found.values())
        read.update(str(name).split()[0] for name in found)
    large, small = read["large"] / 20 / 300, read["small"] / 80 / 300
    assert large == pytest.approx(small, rel=0.1)


def test_of_a_group_larger_than_all_that_may_be_read_the_first_texts_are() -> None:
    assert chosen(texts(300, groups=["one"] * 300), most=50).tolist() == list(range(50))


def test_an_author_of_every_window_is_not_read_always_or_never() -> None:
    windows = [texts(100, window=number, groups=[f"a{row // 2}" for row in range(100)]) for number in range(60)]
    read = Counter(window[row].group for window in windows for row in chosen(window, most=30))
    assert len(read) == 50
    assert max(read.values()) < 2 * 60


def test_the_tiers_features_stay_with_their_texts() -> None:
    window = tiers.window(BODIES[:80], read=20)
    features = window.features
    by_body = dict(
        zip([window.texts[row].body for row in features.tier.rows], features.tier.embeddings.values, strict=True)  # type: ignore[union-attr]
    )

    def holds(found: object, bodies: list[str]) -> None:
        tier = found.tier  # type: ignore[attr-defined]
        assert [bodies[row] for row in tier.rows] == [body for body in bodies if body in by_body]
        for row, values in zip(tier.rows, tier.embeddings.values, strict=True):
            assert (values == by_body[bodies[row]]).all()

    order = np.random.default_rng(1).permutation(80)[:50]
    holds(take(features, order), [BODIES[row] for row in order])
    holds(take(features, np.arange(30, 70)), list(BODIES[30:70]))
    parts = [take(features, np.arange(0, 40)), take(features, np.arange(40, 40)), take(features, np.arange(40, 80))]
    holds(concatenate(parts), list(BODIES[:80]))
    some = features.tier.rows[:7]  # type: ignore[union-attr]
    assert thinned(features, some).tier.rows.tolist() == some.tolist()  # type: ignore[union-attr]
    close = close_window(window)
    assert [text.body for text in close.texts] == list(by_body)
    assert (close.features.embeddings.values == np.array(list(by_body.values()))).all()
    assert close.features.tier is None
    assert len(close.features.tokens.indptr) == 21


def test_a_reference_keeps_both_tiers_and_one_of_one_encoder_is_what_it_was(tmp_path: Path) -> None:
    one = save_reference(samples.reference(BODIES[:600], heldout=BODIES[600:]), tmp_path)
    two = save_reference(tiers.reference(BODIES[:600], heldout=BODIES[600:]), tmp_path)
    assert one.version != two.version
    assert "tier" not in json.loads((tmp_path / one.version / "manifest.json").read_bytes())
    loaded = load_reference(tmp_path / two.version)
    assert reference_encoders(tmp_path / two.version) == (loaded.encoder, loaded.tier)
    assert (loaded.encoder, loaded.tier) == (samples.ENCODER, tiers.TRANSFORMER)
    close, wide = close_reference(loaded), wide_reference(loaded)
    assert close.encoder == tiers.TRANSFORMER
    for part, near, kept in ((wide.cal, close.cal, two.cal), (wide.heldout, close.heldout, two.heldout)):
        tier = kept.features.tier
        assert tier is not None
        np.testing.assert_allclose(near.features.embeddings.values, tier.embeddings.values, atol=2e-3)
        np.testing.assert_allclose(part.features.embeddings.values, kept.features.embeddings.values, atol=2e-3)
    assert save_reference(loaded, tmp_path).version == two.version
    assert reference_encoders(tmp_path / one.version) == (samples.ENCODER, None)


def test_a_forgotten_group_leaves_both_tiers() -> None:
    made = tiers.reference(BODIES[:600])
    named = tuple(replace(text, group="gone" if row % 7 == 0 else None) for row, text in enumerate(made.cal.texts))
    left = without_group(replace(made, cal=replace(made.cal, texts=named)), "gone", bodies=())
    assert left is not None
    assert left.cal.features.tier is not None
    assert len(left.cal.features.tier.embeddings.values) == len(left.cal.texts) < len(named)


def assess(assessor: Assessor, window: object) -> WindowResult:
    return assessor.assess(window, first_seq=1, last_seq=len(window.texts))  # type: ignore[arg-type, attr-defined]


def test_embeddings_are_compared_by_the_transformer_and_the_rest_on_every_text() -> None:
    made = tiers.reference(samples.known()[:2_000], heldout=samples.known()[2_000:2_400])
    strange = [f"The warranty of the coffee machine {n} ended before the pump broke down {n * 7}" for n in range(120)]
    window = tiers.window([*samples.known()[2_400:2_780], *strange], read=240)
    quiet = {name: each for name, each in DETECTORS.items() if name not in ("audit", "evidence")}
    found = assess(Assessor(made, seed=7, detectors=quiet), window)
    close = assess(Assessor(close_reference(made), seed=7, detectors=quiet), close_window(window))
    wide = assess(
        Assessor(wide_reference(made), seed=7, detectors=quiet),
        replace(window, features=replace(window.features, tier=None)),
    )
    assert found.value("window.transformer_texts") == 240 == close.texts
    assert close.value("window.transformer_texts") is wide.value("window.transformer_texts") is None
    assert found.value("window.texts") == 500
    by_tier = [
        measure.name
        for measure in close.measures
        if measure.name.startswith(("embedding.", "drift.new_share", "drift.look_p"))
    ]
    assert len(by_tier) == len(CLOSE) + 1
    for measure in found.measures:
        if measure.name in by_tier:
            assert measure in close.measures
        elif measure.name != "window.transformer_texts":
            assert measure in wide.measures
    assert (found.clusters, found.slices, found.exemplars) == (close.clusters, close.slices, close.exemplars)
    assert found.words == wide.words != close.words
    assert found.clusters


def test_a_reference_of_one_encoder_is_refused_with_the_cure() -> None:
    old, new = samples.reference(BODIES[:600]), tiers.reference(BODIES[:600])
    none = {"length": DETECTORS["length"]}
    with pytest.raises(DigestMismatchError, match="two tiers") as raised:
        assess(Assessor(old, seed=7, detectors=none), tiers.window(BODIES[600:800], read=60))
    assert "reference build" in (raised.value.cure or "")
    with pytest.raises(DigestMismatchError, match="two tiers"):
        assess(Assessor(new, seed=7, detectors=none), samples.window(BODIES[600:800]))
    window = tiers.window(BODIES[600:800], read=60)
    assert window.features.tier is not None
    other = replace(window.features.tier.embeddings, digest=samples.MODEL)
    strange = replace(window.features, tier=Tier(rows=window.features.tier.rows, embeddings=other))
    with pytest.raises(DigestMismatchError, match="transformer tier"):
        assess(Assessor(new, seed=7, detectors=none), replace(window, features=strange))


def test_a_transformer_that_gives_no_numbers_is_told() -> None:
    window = tiers.window(BODIES[600:800], read=60)
    assert window.features.tier is not None
    window.features.tier.embeddings.values[3, 1] = np.nan
    with pytest.raises(EncoderError, match="no numbers"):
        assess(Assessor(tiers.reference(BODIES[:600]), seed=7, detectors={"length": DETECTORS["length"]}), window)


def test_too_few_distinct_texts_in_the_tier_are_too_little_for_it_alone() -> None:
    """The transformer read 60 texts, nearly all of them copies; of every text there are enough."""
    bodies = [*samples.known()[2_000:2_200]]
    window = tiers.window(bodies, read=60)
    assert window.features.tier is not None
    read = set(window.features.tier.rows.tolist())
    copied = [bodies[0] if row in read else body for row, body in enumerate(bodies)]
    plain = {name: each for name, each in DETECTORS.items() if name not in ("audit", "evidence")}
    found = assess(Assessor(tiers.reference(BODIES), seed=7, detectors=plain), tiers.window(copied, read=60))
    assert found.value("embedding.auc") is None
    assert found.value("tokens.jsd") is not None
    assert found.outcome.value == "assessed"

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from run_samples import run_spec

from driftwatch.domain.analysis import Comparison
from driftwatch.domain.features import Digest, LossUnit, TextLosses
from driftwatch.domain.run import Probation, Run, RunState, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.gate.probation import Watch
from driftwatch.retrain.probation import confidence, judge, outcome, rival, under_way, word

AT = datetime(2026, 1, 1, tzinfo=UTC)
THREE = Probation(windows=3, max_increase=0.05)
LEVEL = confidence(THREE)


def run(state: RunState = RunState.PROBATION, **changes: object) -> Run:
    spec = run_spec("r", stream="s", probation=THREE)
    made = Run(spec=spec, state=state, round=2, created_at=AT, updated_at=AT, transitions=(), verdicts=())
    return replace(made, **changes)  # type: ignore[arg-type]


def seen(windows: int, low: float, high: float, **changes: object) -> Comparison:
    made = Comparison(windows=windows, texts=100, increase=(low + high) / 2, low=low, high=high)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("comparison", "word_", "said"),
    [
        (seen(1, -0.1, 0.2), VerdictOutcome.NOT_SHOWN, "window 1 of 3"),
        (seen(1, 0.06, 0.2), VerdictOutcome.REFUSED, "worse for sure in window 1 of 3"),
        (seen(2, 0.05, 0.2), VerdictOutcome.NOT_SHOWN, "limit +0.0500"),
        (seen(3, -0.1, 0.2), VerdictOutcome.PASSED, "not worse for sure in window 3 of 3"),
        (seen(3, 0.051, 0.2), VerdictOutcome.REFUSED, "worse for sure in window 3 of 3"),
        (seen(4, -0.1, 0.2), VerdictOutcome.PASSED, "window 4 of 3"),
        (seen(2, 0.1, 0.2, trouble="too big"), VerdictOutcome.REFUSED, "this window was not compared: too big"),
        (Comparison(windows=2, texts=0, trouble="gone"), VerdictOutcome.NOT_SHOWN, "not compared"),
        (Comparison(windows=3, texts=0, trouble="gone"), VerdictOutcome.PASSED, "gone; kept all the same"),
    ],
)
def test_what_a_window_says(comparison: Comparison, word_: VerdictOutcome, said: str) -> None:
    verdict = judge(comparison, THREE, round=2)
    assert (verdict.gate, verdict.round, verdict.outcome) == ("probation", 2, word_)
    assert said in verdict.detail


def test_a_word_is_kept_for_the_run_until_it_ends_the_probation() -> None:
    watched = word(run(), seen(1, -0.1, 0.2))
    assert watched is not None
    assert (watched.progress.done, watched.progress.total) == (1, 3)
    assert under_way(run(verdicts=(watched.verdict,)))
    last = word(run(), seen(3, -0.1, 0.2))
    assert last is not None
    assert not under_way(run(verdicts=(last.verdict,)))
    assert outcome(run(verdicts=(last.verdict,))) == last.verdict
    assert not under_way(run(RunState.KEPT))
    assert word(run(), None) is None


def test_the_level_is_split_over_the_looks() -> None:
    assert confidence(Probation(windows=1)) == pytest.approx(0.95)
    assert confidence(Probation(windows=5)) == pytest.approx(0.99)


def test_the_rival_is_left_out_where_it_cannot_be_had() -> None:
    assert rival(run(), "/m1", alone=False).path == "/m1"
    missing, alone = rival(run(), None, alone=False), rival(run(), "/m1", alone=True)
    assert (missing.path, alone.path) == (None, None)
    assert "does not know model m1" in str(missing.trouble)
    assert "died" in str(alone.trouble)


def texts(count: int, *, start: int = 0, group: str | None = None) -> list[Text]:
    return [Text(id=f"t{n}", body="b", seen_at=AT, group=group) for n in range(start, start + count)]


def losses(nats: np.ndarray[tuple[int], np.dtype[np.float64]], tokens: int = 10) -> TextLosses:
    return TextLosses(nats=nats, tokens=np.full(len(nats), tokens, np.int64), digest=Digest("sha256:0"))


def test_a_watch_goes_on_from_its_state_as_if_it_had_never_stopped() -> None:
    generator = np.random.default_rng(1)
    parts = [generator.normal(1.0, 3.0, 80) for _ in range(3)]
    whole, found = Watch.of("r", None), []
    state: bytes | None = None
    for number, part in enumerate(parts):
        batch, zero = texts(80, start=80 * number), losses(np.zeros(80))
        straight = whole.add(batch, losses(part), zero, confidence=LEVEL)
        again = Watch.of("r", state)
        found.append(again.add(batch, losses(part), zero, confidence=LEVEL))
        state = again.state()
        assert found[-1] == straight
        assert state == whole.state()
    assert [each.windows for each in found] == [1, 2, 3]
    assert found[-1].texts == 240
    assert found[-1].increase == pytest.approx(np.concatenate(parts).sum() / 2_400)
    assert Watch.of("another", state).windows == 0
    assert len(state or b"") < 2**16


def test_more_texts_make_the_interval_narrower_and_it_holds_the_mean() -> None:
    generator = np.random.default_rng(2)
    watch = Watch.of("r", None)
    first = watch.add(texts(60), losses(generator.normal(0.5, 4, 60)), losses(np.zeros(60)), confidence=LEVEL)
    second = watch.add(
        texts(600, start=60), losses(generator.normal(0.5, 4, 600)), losses(np.zeros(600)), confidence=LEVEL
    )
    assert first.low is not None
    assert first.high is not None
    assert second.low is not None
    assert second.high is not None
    assert second.high - second.low < (first.high - first.low) / 2
    assert second.low < 0.05 < second.high


def test_one_group_is_one_witness_however_many_windows_it_fills() -> None:
    watch = Watch.of("r", None)
    for number in range(3):
        said = watch.add(
            texts(50, start=50 * number, group="one"), losses(np.ones(50)), losses(np.zeros(50)), confidence=LEVEL
        )
        assert said.increase is None
        assert "only 1 independent texts" in str(said.trouble)
    assert said.windows == 3


def test_what_cannot_be_compared_is_counted_and_said() -> None:
    watch = Watch.of("r", None)
    good = watch.add(texts(60), losses(np.ones(60)), losses(np.zeros(60)), confidence=LEVEL)
    for broken, said in (
        (losses(np.ones(60), tokens=9), "different tokens"),
        (losses(np.full(60, np.nan)), "no number"),
    ):
        after = watch.add(texts(60, start=60), broken, losses(np.zeros(60)), confidence=LEVEL)
        assert said in str(after.trouble)
        assert (after.increase, after.texts) == (good.increase, 60)
    assert watch.skip("gone", confidence=LEVEL).windows == 4


def test_figures_are_in_the_unit_of_the_models_loss() -> None:
    generator, watch = np.random.default_rng(4), Watch.of("r", None)
    masked = [replace(losses(nats), unit=LossUnit.MASKED_TOKEN) for nats in (generator.normal(1, 3, 60), np.zeros(60))]
    watch.add(texts(60), *masked, confidence=LEVEL)
    after = Watch.of("r", watch.state()).skip("gone", confidence=LEVEL)
    assert after.unit is LossUnit.MASKED_TOKEN
    verdict = judge(after, THREE, round=1)
    assert verdict.measures[0].unit == "nats/masked token"
    assert "nats/masked token against the model before" in verdict.detail
    mixed = watch.add(texts(60, start=60), masked[0], losses(np.zeros(60)), confidence=LEVEL)
    assert "its predecessor's in nats/token" in str(mixed.trouble)


def test_a_model_as_good_is_hardly_ever_rolled_back() -> None:
    """60 probations of 4 looks without a difference, each rolled back with a chance of at most 2.5%."""
    generator, back, limit = np.random.default_rng(3), 0, Probation(windows=4, max_increase=0.0)
    for _ in range(60):
        watch = Watch.of("r", None)
        for number in range(4):
            nats = losses(generator.standard_t(4, 50) * 3)
            said = watch.add(texts(50, start=50 * number), nats, losses(np.zeros(50)), confidence=confidence(limit))
            if judge(said, limit, round=1).outcome is VerdictOutcome.REFUSED:
                back += 1
                break
    assert back <= 4

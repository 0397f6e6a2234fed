"""Drills on real prose: drift that is mixed into a shadow of the stream is detected there, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import Measure, Reference, Window
from driftwatch.domain.errors import DataError
from driftwatch.drift.assess import DETECTORS, Assessor
from driftwatch.drift.drills.drill import Drill
from driftwatch.drift.drills.settings import DrillSettings
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.settings import EvidenceSettings

SEED = 7
SIZE = 200
DETECTOR = EvidenceDetector(EvidenceSettings(dependence=8))
SETTINGS = DrillSettings(
    name="torch", texts=Path("torch.jsonl"), share=0.5, within=1_000, every=timedelta(minutes=20)
)  # a text a second: six windows


@pytest.fixture(scope="module")
def reference() -> Reference:
    return samples.reference(samples.known()[:3_000])


@pytest.fixture(scope="module")
def quiet() -> list[Window]:
    bodies = samples.known()[3_000:]
    return [window(bodies[start : start + SIZE], start // SIZE) for start in range(0, len(bodies) - SIZE + 1, SIZE)]


def window(bodies: tuple[str, ...], index: int) -> Window:
    made = samples.window(bodies, index=index)
    texts = tuple(
        replace(text, seen_at=samples.NOON + timedelta(seconds=index * SIZE + row))
        for row, text in enumerate(made.texts)
    )
    seqs = tuple(index * SIZE + row + 1 for row in range(len(bodies)))
    return replace(made, texts=texts, seqs=seqs, arl_texts=1e4)


def drill(
    reference: Reference, bodies: tuple[str, ...], *, settings: DrillSettings = SETTINGS, state: bytes | None = None
) -> Drill:
    return Drill(
        settings,
        detector=DETECTOR,
        reference=reference,
        read=lambda: samples.texts(bodies),
        extract=samples.measured,
        seed=SEED,
        state=state,
    )


def assessor(reference: Reference, *drills: Drill, states: dict[str, bytes] | None = None) -> Assessor:
    detectors = {name: DETECTORS[name] for name in ("share",)} | {"evidence": DETECTOR}
    return Assessor(reference, seed=SEED, states=states, detectors=detectors, drills=drills)


def drilled(found: tuple[Measure, ...]) -> dict[str, float]:
    return {measure.name: measure.value for measure in found if measure.name.startswith("drill.")}


def test_new_prose_is_detected_in_the_shadow_and_the_stream_knows_nothing_of_it(
    reference: Reference, quiet: list[Window]
) -> None:
    watched = assessor(reference, drill(reference, samples.new()))
    alone = assessor(reference)
    for each in quiet[:8]:
        result = watched.assess(each, first_seq=each.seqs[0], last_seq=each.seqs[-1])
        plain = alone.assess(each, first_seq=each.seqs[0], last_seq=each.seqs[-1])
        assert tuple(m for m in result.measures if not m.name.startswith("drill.")) == plain.measures
    assert watched.states()["evidence"] == alone.states()["evidence"]
    found = drilled(result.measures)
    assert found["drill.torch.missed"] == 0
    assert 0 < found["drill.torch.delay"] <= 1_000


def test_known_prose_is_missed_time_and_again(reference: Reference, quiet: list[Window]) -> None:
    """Drift that the reference holds is no drift: the drill says so each time, as often as it is due."""
    spare = samples.known()[:600]
    watched = assessor(reference, drill(reference, spare))
    found = [
        drilled(watched.assess(each, first_seq=each.seqs[0], last_seq=each.seqs[-1]).measures) for each in quiet[:13]
    ]
    assert [each["drill.torch.missed"] for each in found] == [0] * 5 + [1] * 6 + [2] * 2
    assert "drill.torch.delay" not in found[-1]


def test_a_stop_and_a_start_in_the_middle_change_nothing(reference: Reference, quiet: list[Window]) -> None:
    bodies = samples.known()[:600]
    through, states = assessor(reference, drill(reference, bodies)), dict[str, bytes]()
    for each in quiet[:8]:
        stopped = assessor(reference, drill(reference, bodies, state=states.get("drill.torch")), states=states)
        expected = through.assess(each, first_seq=each.seqs[0], last_seq=each.seqs[-1])
        assert stopped.assess(each, first_seq=each.seqs[0], last_seq=each.seqs[-1]) == expected
        states = stopped.states()
        assert states == through.states()


def test_an_alarm_of_the_stream_itself_ends_the_drill_without_a_result(
    reference: Reference, quiet: list[Window]
) -> None:
    watched = assessor(reference, drill(reference, samples.known()[:600]))
    watched.assess(quiet[0], first_seq=1, last_seq=SIZE)
    alarmed = False
    for index in (1, 2):
        strange = window(samples.new()[(index - 1) * SIZE : index * SIZE], index)
        result = watched.assess(strange, first_seq=1, last_seq=SIZE)
        alarmed = alarmed or result.value("drift.alarm") == 1
    assert alarmed
    for index in range(3, 8):
        result = watched.assess(replace(quiet[index], index=index), first_seq=1, last_seq=SIZE)
    assert drilled(result.measures) == {"drill.torch.missed": 0}


def test_a_file_too_small_or_unreadable_stops_nothing(reference: Reference, quiet: list[Window]) -> None:
    def unreadable() -> tuple[()]:
        raise DataError("there is no such file")

    small = drill(reference, samples.new()[:100])
    gone = Drill(
        replace(SETTINGS, name="gone"),
        detector=DETECTOR,
        reference=reference,
        read=unreadable,
        extract=samples.measured,
        seed=SEED,
    )
    watched = assessor(reference, small, gone)
    for each in quiet[:3]:
        result = watched.assess(each, first_seq=1, last_seq=SIZE)
    assert drilled(result.measures) == {"drill.torch.missed": 0, "drill.gone.missed": 0}


def results(watched: Assessor, windows: list[Window]) -> list[dict[str, float]]:
    return [drilled(watched.assess(each, first_seq=1, last_seq=SIZE).measures) for each in windows]


def test_an_alarm_that_comes_too_late_is_a_miss(reference: Reference, quiet: list[Window]) -> None:
    """The window is longer than the drill may last: what its later texts show is of no use."""
    short = drill(reference, samples.new(), settings=replace(SETTINGS, within=100, share=0.1))
    assert results(assessor(reference, short), quiet[:2])[-1] == {"drill.torch.missed": 1}


@pytest.mark.parametrize(
    ("settings", "bodies"),
    [
        (SETTINGS, slice(20, 600)),
        (replace(SETTINGS, within=100), slice(600)),
        (replace(SETTINGS, share=0.3), slice(600)),
    ],
)
def test_a_drill_changed_while_it_runs_begins_anew_without_a_result(
    reference: Reference, quiet: list[Window], settings: DrillSettings, bodies: slice
) -> None:
    watched = assessor(reference, drill(reference, samples.known()[:600]))
    results(watched, quiet[:5])
    states = watched.states()
    changed = drill(reference, samples.known()[bodies], settings=settings, state=states["drill.torch"])
    assert results(assessor(reference, changed, states=states), quiet[5:6]) == [{"drill.torch.missed": 0}]


def test_windows_that_a_drill_did_not_see_end_it_without_a_result(reference: Reference, quiet: list[Window]) -> None:
    watched = assessor(reference, drill(reference, samples.known()[:600]))
    assert results(watched, [*quiet[:5], quiet[6]])[-1] == {"drill.torch.missed": 0}


def test_a_clock_gone_wrong_puts_no_drill_off(reference: Reference, quiet: list[Window]) -> None:
    first, *others = quiet[0].texts
    odd = replace(quiet[0], texts=(replace(first, seen_at=samples.NOON.replace(year=2099)), *others))
    watched = assessor(reference, drill(reference, samples.known()[:600]))
    assert results(watched, [odd, *quiet[1:13]])[-1] == {"drill.torch.missed": 2}


def test_texts_keep_their_places_and_times_when_they_are_replaced(reference: Reference, quiet: list[Window]) -> None:
    running = drill(reference, samples.new())
    live = DETECTOR.fit(reference, seed=SEED)
    live.update(quiet[0])
    running.update(quiet[0], live)
    mixed, used = running._mixed(quiet[1], running._draw())
    replaced = [row for row, text in enumerate(mixed.texts) if text.id.startswith("drill:")]
    assert used == len(replaced)
    assert 0.3 * SIZE < used < 0.7 * SIZE
    assert [text.seen_at for text in mixed.texts] == [text.seen_at for text in quiet[1].texts]
    for row, text in enumerate(mixed.texts):
        assert (text.body in samples.new()) is (row in replaced)
        np.testing.assert_allclose(
            mixed.features.embeddings.values[row], samples.features([text.body]).embeddings.values[0], atol=1e-6
        )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "A drill"}, "lower-case"),
        ({"share": 0.0}, "share"),
        ({"within": 10}, "within"),
        ({"every": timedelta(seconds=1)}, "every"),
    ],
)
def test_settings_say_what_is_wrong(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(SETTINGS, **wrong)  # type: ignore[arg-type]

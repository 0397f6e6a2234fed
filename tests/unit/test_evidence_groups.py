"""A stream in which only some windows name groups: no witness has both heights."""

from __future__ import annotations

from dataclasses import replace

import drift_samples as samples
import pytest

from driftwatch.domain.drift import Reference, Window
from driftwatch.drift.evidence.bets import Bets
from driftwatch.drift.evidence.crossing import threshold
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.drift.evidence.state import Alive, read_notes
from driftwatch.drift.evidence.witness import KINDS, LEVELS, SHARES

SIZE = 300


@pytest.fixture(scope="module")
def reference() -> Reference:
    return samples.reference(samples.known()[:2_000])


def windows(grouped: tuple[bool, ...]) -> list[Window]:
    """Return windows of quiet text, of which these name groups of three texts."""
    bodies = samples.known()[2_000:]
    found = []
    for index, named in enumerate(grouped):
        names = [f"{index} {row // 3}" for row in range(SIZE)] if named else None
        made = samples.window(bodies[index * SIZE : (index + 1) * SIZE], index=index, groups=names)
        seqs = tuple(range(index * SIZE + 1, (index + 1) * SIZE + 1))
        found.append(replace(made, seqs=seqs, arl_texts=1e6))
    return found


def alive(bets: Bets) -> tuple[Alive, ...]:
    notes = read_notes(bets.state())
    assert notes is not None
    return notes.alive


def bets(reference: Reference, dependence: str | int = "independent", state: bytes | None = None) -> Bets:
    found = Bets(reference, EvidenceSettings(dependence=dependence), seed=7)
    if state:
        found.go_on(state)
    return found


def test_witnesses_of_lone_texts_die_when_a_group_is_named_and_later_ones_keep_villes_height(
    reference: Reference,
) -> None:
    running = bets(reference)
    history = []
    for window in windows((False, False, True, False, False)):
        running.update(window)
        history.append(alive(running))
    lone, named, after = history[1], history[2], history[4]
    assert lone
    assert all(each.exact for each in lone)
    assert named
    assert not any(each.exact for each in (*named, *after))
    assert min(each.born for each in named) > max(each.born for each in lone)
    first = {(each.kind, each.born) for each in named}
    older = [each for each in after if (each.kind, each.born) in first]
    assert older, "they go on betting on lone texts"
    assert min(each.count for each in older) > SIZE


def test_a_stream_that_names_no_group_keeps_the_lower_height_and_blocks_never_have_it(reference: Reference) -> None:
    lone, blocks = bets(reference), bets(reference, 8)
    for window in windows((False, False, False)):
        lone.update(window)
        blocks.update(window)
    assert all(each.exact for each in alive(lone))
    assert not any(each.exact for each in alive(blocks))
    life, error = KINDS[0].texts, alive(lone)[0].error
    heights = [threshold(error, life=life, levels=LEVELS, shares=SHARES, exact=exact) for exact in (True, False)]
    assert heights[0] < heights[1]


def test_a_restart_knows_which_witnesses_bet_on_lone_texts(reference: Reference) -> None:
    plan = windows((False, False, True, False))
    whole, state = bets(reference), None
    for window in plan:
        restarted = bets(reference, state=state)
        assert whole.update(window).peak.height == restarted.update(window).peak.height
        state = restarted.state()
        assert state == whole.state()


def test_witnesses_of_lone_texts_do_not_go_on_in_blocks(reference: Reference) -> None:
    """The setting was changed while the daemon was stopped."""
    before = bets(reference)
    plan = windows((False, False, False))
    for window in plan[:2]:
        before.update(window)
    assert alive(before)
    after = bets(reference, 8, before.state())
    after.update(plan[2])
    assert not any(each.exact for each in alive(after))

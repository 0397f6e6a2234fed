"""What a reload leaves as it was, what it says of a change, and that nobody decides under half of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from policy_stream import Stream, window

from driftwatch.daemon.rulebook import Asked, Outcome, Rulebook
from driftwatch.domain.errors import PolicyError, StoreUnavailableError
from driftwatch.domain.run import Recipe
from driftwatch.policy.changes import difference, read_recipes, recipes_hash, recipes_text
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.ruleset import Policy
from driftwatch.wiring import CLOCK

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TELL = "  - {name: tell, when: loss.increase > 0.05, for: 4 windows, do: alert}\n"
LEARN = "  - {name: learn, when: loss.increase > 0.05, for: 4 windows, do: retrain, recipe: own}\n"
OTHER = "  - {name: other, when: window.texts > %s, do: alert}\n"
RECIPE = Recipe(name="own")


def rules(*written: str, recipe: Recipe = RECIPE) -> Policy:
    text = "stream: '*'\nrules:\n" + "".join(written)
    return replace(parse_policies({"p.yaml": text}, streams=["s"], recipes=["own"]), recipes={"own": recipe})


class Notes:
    """Keeps what a rulebook records, or is full."""

    def __init__(self, *, full: bool = False) -> None:
        self.said: list[tuple[str, str, str]] = []
        self.full = full

    def _note(self, what: str, asked: str, who: str) -> None:
        if self.full:
            raise StoreUnavailableError("the disk is full")
        self.said.append((what, asked, who))

    def loaded(self, policy: Policy, *, asked: str, who: str) -> None:
        self._note(policy.hash, asked, who)

    def refused(self, error: str, *, asked: str, who: str) -> None:
        self._note(error, asked, who)

    def mended(self, *, asked: str, who: str) -> None:
        self._note("mended", asked, who)


class Files:
    """What a rulebook reads."""

    def __init__(self, policy: Policy) -> None:
        self.policy: Policy | None = policy

    def load(self) -> Policy:
        if self.policy is None:
            raise PolicyError("a mistake", where="p.yaml:1:1")
        return self.policy


def book(*, policy: Policy | None = None) -> tuple[Rulebook, Files, Notes]:
    files, notes = Files(policy or rules(TELL)), Notes()
    return Rulebook(files.load, record=notes, clock=CLOCK), files, notes


@pytest.mark.parametrize(
    "edited",
    [
        rules(TELL, LEARN, OTHER % "9"),
        rules(OTHER % "5", LEARN, TELL),
        rules(TELL, LEARN, OTHER % "5", recipe=replace(RECIPE, epochs=9.0)),
        rules("\n  # a remark\n", TELL.replace("{name", "{  name"), LEARN),
    ],
    ids=["another rule's condition", "their order", "the recipe", "remarks, blanks, a rule gone"],
)
def test_a_streak_survives_an_edit_that_does_not_touch_its_rule(edited: Policy) -> None:
    stream = Stream(rules(TELL, LEARN, OTHER % "5"))
    for index in range(3):
        stream.see(window(index, loss__increase=0.08))
    stream.policy = edited
    decided = {each.rule: each.action.value for each in stream.see(window(3, loss__increase=0.08)).decisions}
    assert (decided["tell"], decided["learn"]) == ("alert", "retrain")


def test_a_streak_does_not_survive_an_edit_of_its_rule() -> None:
    stream = Stream(rules(TELL, LEARN))
    for index in range(3):
        stream.see(window(index, loss__increase=0.08))
    stream.policy = rules(TELL.replace("0.05", "0.06"), LEARN)
    assert stream.actions(window(3, loss__increase=0.08)) == ["hold+retrain"]


def test_the_old_rules_stay_on_a_mistake_and_the_record_says_so() -> None:
    held, files, notes = book()
    before, files.policy = held.current(), None
    assert held.reload(Asked.SIGNAL, "signal SIGHUP") == ("p.yaml:1:1: a mistake",)
    assert held.current() is before
    assert (held.last_ok, held.last.outcome, held.last.error) == (False, Outcome.REFUSED, "p.yaml:1:1: a mistake")
    files.policy = rules(TELL)
    assert held.reload(Asked.FILES, "file watcher") == ()
    assert held.last_ok
    assert notes.said == [
        (before.hash, "start", "start"),
        ("p.yaml:1:1: a mistake", "signal", "signal SIGHUP"),
        ("mended", "files", "file watcher"),
    ]
    counted = {key: count for key, count in held.counts().items() if count}
    assert counted == {("start", "loaded"): 1, ("signal", "refused"): 1, ("files", "unchanged"): 1}


def test_rules_that_cannot_be_recorded_do_not_come_into_force() -> None:
    held, files, notes = book()
    before, files.policy, notes.full = held.current(), rules(LEARN), True
    assert "the disk is full" in held.reload(Asked.HTTP, "alice")[0]
    assert held.current() is before
    notes.full = False
    assert held.reload(Asked.HTTP, "alice") == ()
    assert held.current() is files.policy


def test_no_decision_is_taken_under_half_loaded_rules() -> None:
    """Reloads in one thread, decisions in another: rules, their number and recipe always belong together."""
    sets = [
        rules(*(f"  - {{name: r{n}, when: window.texts > {size}, do: alert}}\n" for n in range(size)))
        for size in range(1, 8)
    ]
    sets = [replace(each, recipes={"own": replace(RECIPE, batch=len(each.of("s")))}) for each in sets]
    held, files, _ = book(policy=sets[0])
    known = {each.hash: (len(each.of("s")), each.recipes["own"].batch) for each in sets}
    begun, stop = threading.Barrier(2), threading.Event()

    def reload_for_ever() -> None:
        begun.wait()
        turn = 0
        while not stop.is_set():
            turn += 1
            files.policy = sets[turn % len(sets)] if turn % 3 else None
            held.reload(Asked.FILES, "file watcher")

    thread = threading.Thread(target=reload_for_ever)
    thread.start()
    begun.wait()
    seen = set()
    try:
        for index in range(2_000):
            policy = held.current()
            stream = Stream(policy)
            decided = stream.see(window(index)).decisions
            assert {each.policy for each in decided} == {policy.hash}
            assert (len(decided), policy.recipes["own"].batch) == known[policy.hash]
            seen.add(policy.hash)
    finally:
        stop.set()
        thread.join()
    assert len(seen) > 1


def test_a_diff_shows_files_that_come_and_go_and_recipes() -> None:
    shown = difference({"a": "1\n2", "b": "x"}, {"a": "1\n3", "c": "y"}, {}, {"own": RECIPE})
    assert "--- a\n+++ a\n@@ -1,2 +1,2 @@\n 1\n-2\n+3" in shown
    assert "--- b\n+++ /dev/null\n" in shown
    assert "--- /dev/null\n+++ c\n" in shown
    assert "+++ recipe own\n" in shown
    assert "+epochs = 2.0" in shown
    assert difference({"a": "1"}, {"a": "1"}, {"own": RECIPE}, {"own": RECIPE}) == ""


@pytest.mark.parametrize("make", [lambda: "\n".join(["#"] * 300_000), lambda: "é" * 100_000 + "\n"])
def test_a_diff_of_huge_files_is_cut_and_quick(make: Callable[[], str]) -> None:
    shown = difference({"a": ""}, {"a": make()}, {}, {})
    assert len(shown) < 70_000
    assert "cut here" in shown or "too many to compare" in shown


def test_recipes_are_read_again_as_they_were_written() -> None:
    recipes = {"b": RECIPE, "a": replace(RECIPE, name="a", merge=())}
    assert read_recipes(recipes_text(recipes)) == recipes
    assert recipes_hash(recipes) != recipes_hash({"b": RECIPE})
    assert read_recipes('{"b": 7}') == {}

"""A promoted model in probation under a daemon that is killed again and again ends as an undisturbed one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from corpus import paragraphs
from deployment import DRIFTED, STREAM, WINDOW, Daemon, Deployment, deploy, ready, twin, until
from postgres import Stores
from promoted import Stream, better, worse

from driftwatch import wiring
from driftwatch.domain.run import PROBATION, Probation, RunState, VerdictOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.run import Run, Verdict
    from driftwatch.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.both_stores]
WINDOWS = 3
LEARNT = 600
"""Drifted texts that the better model was trained on."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Deployment:
    """A deployment that never ran, with a candidate that is better on the new texts and one that is worse."""
    made = deploy(tmp_path_factory.mktemp("stock") / "here", stores)
    policy = made.folder / "policies" / "policy.yaml"
    policy.write_text(policy.read_text().replace("loss.increase > 0.12", "loss.increase > 100.0"))
    better(made.folder / "champion", made.folder / "better")
    worse(made.folder / "champion", made.folder / "worse")
    return made


def promote(deployment: Deployment, name: str) -> None:
    """Let the candidate serve, its probation still to come."""
    stream = Stream(folder=deployment.folder)
    store = wiring.open_store(stream.config)
    run = stream.run(store, name, probation=Probation(windows=WINDOWS, max_increase=0.02))
    assert stream.promote(store, run, name).state is RunState.PROBATION
    store.close()


def the_run(store: Store) -> Run:
    (only,) = store.runs.list(stream=STREAM)
    return only


def play(deployment: Deployment, *, killing: bool) -> int:
    """Feed the windows of the probation until it ends; returns how often the daemon was killed."""
    store, kills = deployment.store(), 0
    texts = paragraphs(DRIFTED, LEARNT + WINDOWS * WINDOW)[LEARNT:]
    with Daemon(deployment) as daemon:

        def kill() -> None:
            nonlocal kills
            if killing:
                daemon.kill()
                daemon.start()
                kills += 1

        until(lambda: ready(deployment), "the daemon to be ready")
        for index in range(WINDOWS):
            deployment.append(texts[index * WINDOW : (index + 1) * WINDOW], start=index * WINDOW)
            until(lambda taken=(index + 1) * WINDOW: still(daemon, stored(store) >= taken), "intake")  # type: ignore[misc]
            if index == 0:
                kill()  # while the worker compares the two models
            until(lambda done=index + 1: still(daemon, store.windows.position(STREAM).index >= done), "a window")  # type: ignore[misc]
            kill()  # after the window's word, before or after its consequence
        until(lambda: still(daemon, the_run(store).state.final), "the probation's end")
        until(lambda: ready(deployment), "the daemon to be ready again")
        assert daemon.stop() == 0
    store.close()
    return kills


def still(daemon: Daemon, done: bool) -> bool | None:
    """Return true where it is done, None where it is to be waited for by a daemon that is alive."""
    assert daemon.alive, (daemon.deployment.folder / "daemon.log").read_text()[-2_000:]
    return True if done else None


def stored(store: Store) -> int:
    return store.counts.intake().get((STREAM, "file", "stored"), 0)


def words(run: Run) -> list[Verdict]:
    return [verdict for verdict in run.verdicts if verdict.gate == PROBATION]


@pytest.mark.parametrize(("name", "ends"), [("better", RunState.KEPT), ("worse", RunState.ROLLED_BACK)])
def test_a_killed_probation_ends_like_an_undisturbed_one(
    stock: Deployment, tmp_path: Path, name: str, ends: RunState, pytestconfig: pytest.Config
) -> None:
    if stock.database is not None and name == "better" and pytestconfig.getoption("--store") is None:
        pytest.skip("test_kill keeps a model on PostgreSQL; --store postgresql does it here too")
    calm, wild = twin(stock, tmp_path / "calm"), twin(stock, tmp_path / "wild")
    for deployment in (calm, wild):
        promote(deployment, name)
    assert play(calm, killing=False) == 0
    assert play(wild, killing=True) == WINDOWS + 1
    left, right = calm.store(), wild.store()
    undisturbed, killed = the_run(left), the_run(right)
    assert undisturbed.state is killed.state is ends
    assert words(killed) == words(undisturbed)
    assert words(killed)[-1].outcome is (VerdictOutcome.PASSED if ends is RunState.KEPT else VerdictOutcome.REFUSED)
    assert [move.state for move in killed.transitions] == [move.state for move in undisturbed.transitions]
    one, other = left.registry.champion(STREAM), right.registry.champion(STREAM)
    assert one is not None
    assert other is not None
    serves = killed.candidate if ends is RunState.KEPT else killed.spec.champion
    assert one.version == other.version == serves
    assert (wild.state / "models" / STREAM / "current").resolve().name == serves
    assert right.windows.position(STREAM).index == WINDOWS, "no window was done twice or left out"
    left.close()
    right.close()

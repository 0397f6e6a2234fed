"""A deployment whose runs are asked for by hand, and what must hold of it after whatever failed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from corpus import paragraphs
from deployment import DRIFTED, STREAM, WINDOW, Child, Deployment, configure, deploy
from postgres import Stores
from run_samples import run_spec

from driftwatch.demo.workspace import free_port
from driftwatch.domain.run import GateLimits, Probation, Run, RunId, RunState
from driftwatch.domain.text import Text
from driftwatch.retrain.promote import check_version, current_version
from driftwatch.retrain.recipe import builtin_recipes
from driftwatch.store import Store

RUN = RunId("docs-w0000003")
RECIPE = replace(
    builtin_recipes()["small"],
    name="quick",
    learning_rates=(1e-3,),
    epochs=3.0,
    checkpoint_steps=5,
    replay=0.0,
    probe=0.6,  # of so few texts a smaller probe could not be made
)
LENIENT = GateLimits(quality_min_gain=-9.0, forgetting_max_loss=9.0, bias_max_increase=99.0, bias_neutral=0)
FRESH = 200
DEADLINE = 400.0


def template(folder: Path, stores: Stores) -> Deployment:
    """Make a deployment with fresh texts in its store, too few for a window: nothing happens unless it is asked for."""
    deployment = deploy(folder, stores)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    bodies = paragraphs(DRIFTED, FRESH)
    texts = [Text(id=f"{number:04d}", body=body, seen_at=at) for number, body in enumerate(bodies)]
    with opened(deployment) as store:
        store.texts.take_in(STREAM, source="file", texts=texts, cursor=None, counts={})
    return deployment


def copy_of(deployment: Deployment, folder: Path) -> Deployment:
    """Copy a deployment with its state."""
    shutil.copytree(deployment.folder, folder, symlinks=True, dirs_exist_ok=True)
    stores = deployment.stores
    other = Deployment(folder=folder, port=free_port(), database=stores.copy(deployment.database), stores=stores)
    configure(other)
    other.config.write_text(other.config.read_text().replace(f"window = {WINDOW}", "window = 10_000"))
    return other


@contextmanager
def opened(deployment: Deployment) -> Iterator[Store]:
    store = deployment.store()
    try:
        yield store
    finally:
        store.close()


def ask(store: Store, run: RunId = RUN, *, approve: bool = False) -> None:
    """Ask for a run."""
    champion, reference = store.registry.champion(STREAM), store.registry.reference(STREAM)
    assert champion is not None
    assert reference is not None
    spec = run_spec(
        run,
        stream=STREAM,
        last_seq=FRESH,
        reference=reference.version,
        champion=champion.version,
        recipe=RECIPE,
        limits=LENIENT,
        rounds=1,
        approve=approve,
        worth=-9.0,  # whatever the probe foretells is worth it
        probation=Probation(windows=0),
    )
    store.runs.create(spec, reason="asked for by a test")


class JobProcess(Child):
    """``driftwatch job`` of a run as a process of its own, its log beside the deployment."""

    def __init__(self, deployment: Deployment, *, log: str | Path = "job.log") -> None:
        super().__init__(deployment, "job", RUN, log=log)


def each_state(store: Store, seen: Callable[[Run], None], *, run: RunId = RUN) -> Run:
    """Follow a run to its end or its wait for a person, and tell each state when it is first seen."""
    told: set[RunState] = set()
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        now = store.runs.get(run)
        if now.state.final or now.state is RunState.AWAITING_APPROVAL:
            return now
        if now.state not in told:
            told.add(now.state)
            seen(now)
        time.sleep(0.005)  # real processes are looked at from outside
    raise AssertionError(f"run {run} is {store.runs.get(run).state} after {DEADLINE:g} s")


def assert_whole(deployment: Deployment, store: Store) -> None:
    """What serves is a whole version, and the one of the ledger, or of the promotion under way."""
    champion = store.registry.champion(STREAM)
    assert champion is not None
    promoting = {run.candidate for run in store.runs.list(stream=STREAM, states=(RunState.PROMOTING,))}
    models = deployment.state / "models" / STREAM
    serving = current_version(models)
    assert serving in {champion.version, *promoting}
    assert serving is not None
    assert check_version(models / serving).version == serving

"""A program that lowers a merge's coefficient, killed before each of its changes to the disk in turn.

Arguments: folder with ``champion`` and ``trained``. Prints, for each kill, the change that did not come about, the
coefficient of the curve that was found afterwards, and whether the candidate made then, and after lowering again, are
those of an uninterrupted work; as lines of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

from driftwatch.domain.protocols import GateData
from driftwatch.domain.run import GateLimits
from driftwatch.features.loss import load_model
from driftwatch.job.merging import Merging
from driftwatch.retrain.folders import file_hashes
from driftwatch.retrain.merge import MergeCurve, MergePoint, interpolate, load_curve, save_curve

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.copyfile", "shutil.rmtree", "open")
REFUSED, LOWERED = 1.0, 0.5
_NOTHING = GateData(fresh=(), reference=())


WHOLE = MergePoint(coefficient=1.0, gain=1.0, gain_low=1.0, gain_high=1.0, loss=0.0, loss_low=0.0, loss_high=0.0)


def point(coefficient: float) -> MergePoint:
    """Return a measured coefficient that keeps every limit."""
    sure = replace(WHOLE, coefficient=coefficient)
    return replace(sure, gain=coefficient, gain_low=coefficient, gain_high=coefficient)


CURVE = MergeCurve(points=(point(LOWERED), point(REFUSED)), chosen=REFUSED, min_gain=0.0, max_loss=0.1, reason="most")


class Lowering:
    """One folder of a run in which a candidate was refused."""

    def __init__(self, folder: Path, run: Path) -> None:
        self.candidate, self.curve = run / "candidate", run / "merge.json"
        shutil.copytree(folder / "trained", run / "trained")
        save_curve(CURVE, self.curve)
        self._champion = folder / "champion"
        self.merging = Merging(
            self._champion, trained=run / "trained", candidate=self.candidate, curve=self.curve, load=load_model
        )
        interpolate(self._champion, run / "trained", REFUSED, self.candidate)

    def recover(self) -> MergeCurve:
        """Do what a job does that is started again, before it judges."""
        champion = load_model(self._champion)
        self.merging.work((), champion, _NOTHING, limits=GateLimits(), seed=1)
        found = load_curve(self.curve)
        assert found is not None
        return found


def kill_before(number: int, told: int) -> None:
    """Have this process killed before so many changes to the disk, counted from here; the change is told."""
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        reading = event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if event not in CHANGES or reading:
            return
        seen += 1
        if seen == number:
            os.write(told, event.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def lowered_until_killed(lowering: Lowering, number: int) -> str:
    """Lower in a process of its own and return the change before which it was killed; empty where it came through."""
    read, write = os.pipe()
    if not (child := os.fork()):
        kill_before(number, write)
        lowering.merging.lower("bias: too far")
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read, "rb") as told:
        change = told.read().decode()
    assert bool(change) == (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    assert change or status == 0
    return change


def main(folder: Path) -> None:
    """Kill at every change."""
    whole = Lowering(folder, folder / "whole")
    made = {REFUSED: file_hashes(whole.candidate)}
    whole.merging.lower("bias: too far")
    made[LOWERED] = file_hashes(whole.candidate)
    number = 0
    while True:
        number += 1
        run = folder / f"run-{number}"
        lowering = Lowering(folder, run)
        if not (change := lowered_until_killed(lowering, number)):
            break
        chosen = lowering.recover().chosen
        fits = file_hashes(lowering.candidate) == made[chosen]
        if chosen == REFUSED:  # judged again, it is refused again
            lowering.merging.lower("bias: too far")
        same = file_hashes(lowering.candidate) == made[LOWERED] and load_curve(lowering.curve) == load_curve(
            whole.curve
        )
        left = sorted(path.name for path in run.iterdir())
        print(json.dumps({"change": change, "chosen": chosen, "fits": fits, "same": same, "left": left}), flush=True)
        shutil.rmtree(run)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

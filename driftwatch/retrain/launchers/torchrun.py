"""Trains on several devices of a host: the job starts torchrun, which starts a process for each device.

The processes die with the job, so a job that is started again never finds an old training at work. A process that dies
takes the others with it, and the training goes on from the newest sealed checkpoint when the job is started again.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.launchers.order import Order, Told
from driftwatch.retrain.launchers.rank import die_with_parent
from driftwatch.retrain.ranks import Ranks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from driftwatch.domain.run import Recipe

log = structlog.get_logger()

_LOOK_SECONDS = 0.2


def train_on_devices(  # noqa: PLR0913 - a training has this many sides, each named by its caller
    champion: Path,
    data: Path,
    recipe: Recipe,
    *,
    round: int,  # noqa: A002 - the word of the house
    out: Path,
    checkpoints: Path,
    on_progress: Callable[[int, int, float], None],
    should_stop: Callable[[], bool],
    threads: int,
) -> bool:
    """Fine-tune with ``recipe.devices`` processes; otherwise as ``finetune``, whose arguments these are.

    Args:
        champion: transformers folder.
        data: folder of the run's saved mix.
        recipe: hyperparameters; its batch is shared evenly by its devices.
        round: from 1.
        out: the candidate's folder.
        checkpoints: a folder of this training alone.
        on_progress: called after each optimiser step.
        should_stop: asked several times a second; on true all save a checkpoint first.
        threads: CPU threads of each process.

    Returns:
        Whether the candidate is there; False after a stop.

    Raises:
        RunError: what one of the processes gave up for.
        ChildProcessError: one of them died; started again, the training goes on where it was.
    """
    if out.exists():
        return True
    stop = checkpoints.with_name(f"{checkpoints.name}.stop")
    file = checkpoints.with_name(f"{checkpoints.name}.order.json")
    Ranks(count=recipe.devices).share(recipe.batch)
    stop.unlink(missing_ok=True)
    order = Order(
        champion=champion,
        data=data,
        recipe=recipe,
        round=round,
        out=out,
        checkpoints=checkpoints,
        threads=threads,
        stop=stop,
    )
    order.write(file)
    end = _follow(file, order, on_progress, should_stop)
    stop.unlink(missing_ok=True)
    if end.failure is not None:
        raise RunError(end.failure, where=end.where, cure=end.cure, retryable=end.retryable)
    return bool(end.finished)


def _follow(
    file: Path, order: Order, on_progress: Callable[[int, int, float], None], should_stop: Callable[[], bool]
) -> Told:
    """Start the processes, pass on what they tell, and return the last thing they told."""
    command = [sys.executable, "-m", "driftwatch.retrain.launchers.torchrun", str(order.recipe.devices), str(file)]
    end = Told()
    # A session of its own: what stops a group of processes must reach the job alone, which lets the others save first.
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True) as process:
        lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        try:
            while (line := _next(lines)) is not None:
                if should_stop():
                    order.stop.touch()
                told = _parsed(line)
                if told is not None and told.last:
                    end = told
                elif told is not None:
                    on_progress(told.done, told.total, told.loss)
        except BaseException:
            process.kill()
            raise
    if not end.last:
        raise ChildProcessError(f"a training process died (torchrun ended with code {process.returncode})")
    return end


def _read(stream: IO[bytes] | None, lines: queue.SimpleQueue[bytes | None]) -> None:
    for line in stream or ():
        lines.put(line)
    lines.put(None)


def _next(lines: queue.SimpleQueue[bytes | None]) -> bytes | None:
    """Return the next line; an empty one when there was none for a while; None at the end."""
    try:
        return lines.get(timeout=_LOOK_SECONDS)
    except queue.Empty:
        return b""


def _parsed(line: bytes) -> Told | None:
    """Return what the first process told; None for what somebody else printed."""
    try:
        return msgspec.json.decode(line, type=Told)
    except msgspec.DecodeError:
        if line.strip():
            log.info("training_process_said", said=line.decode(errors="replace").strip())
        return None


def main(devices: int, file: str) -> None:
    """Be torchrun for one host."""
    die_with_parent()
    from torch.distributed.run import main as torchrun

    torchrun(["--standalone", f"--nproc-per-node={devices}", "-m", "driftwatch.retrain.launchers.rank", file])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

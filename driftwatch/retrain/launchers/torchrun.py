"""Trains on several devices of a host: the job starts torchrun, which starts a process for each device.

The processes die with the job, so a job that is started again never finds an old training at work. A process that dies
takes the others with it, and the training goes on from the newest sealed checkpoint when the job is started again. One
that runs out of memory takes them with it too: then all are started again at once, with smaller parts of a batch.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.collect.mix import part_file, write_part
from driftwatch.retrain.launchers.order import Order, Told
from driftwatch.retrain.launchers.rank import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import IO

    from driftwatch.domain.run import Progress, Recipe
    from driftwatch.domain.text import Text

    OnProgress = Callable[[Progress], None]

log = structlog.get_logger()

_LOOK_SECONDS = 0.2


def train(  # noqa: PLR0913 - the sides of a training, as ``finetune`` has them
    champion: Path,
    texts: Sequence[Text],
    recipe: Recipe,
    *,
    round: int,  # noqa: A002 - the word of the house
    select: Sequence[Text],
    replay: Sequence[Text],
    out: Path,
    checkpoints: Path,
    on_progress: OnProgress,
    should_stop: Callable[[], bool],
    threads: int,
) -> bool:
    """Fine-tune in this process, or in as many as the recipe has devices; the arguments are those of ``finetune``.

    Returns:
        Whether the candidate is there; False after a stop.

    Raises:
        DriftwatchError: what the training was given up for.
        ChildProcessError: a process died; started again, the training goes on from the newest sealed checkpoint.
    """
    if recipe.devices == 1:
        from driftwatch.retrain.finetune import finetune

        return finetune(
            champion,
            texts,
            recipe,
            round=round,
            out=out,
            checkpoints=checkpoints,
            on_progress=on_progress,
            should_stop=should_stop,
            threads=threads,
            select=select,
            replay=replay,
        )
    if out.exists():
        return True
    order = Order(
        champion=champion,
        train=_written(checkpoints, "train", texts),
        replay=_written(checkpoints, "replay", replay),
        select=_written(checkpoints, "select", select),
        recipe=recipe,
        round=round,
        out=out,
        checkpoints=checkpoints,
        threads=threads,
    )
    return train_apart(order, on_progress=on_progress, should_stop=should_stop)


def train_apart(order: Order, *, on_progress: OnProgress, should_stop: Callable[[], bool]) -> bool:
    """Fine-tune as ordered in processes of their own, several times a second asking whether to stop; see ``train``.

    Where a process runs out of memory, all begin again with fewer sequences at once, from the newest sealed checkpoint.
    """
    if order.recipe.batch % order.recipe.devices:
        raise RunError(
            f"a batch of {order.recipe.batch} sequences cannot be shared by {order.recipe.devices} devices",
            cure="let the recipe's batch be a multiple of its devices",
        )
    order.checkpoints.parent.mkdir(parents=True, exist_ok=True)
    file = order.checkpoints.with_name(f"{order.checkpoints.name}.order.json")
    order.stop.unlink(missing_ok=True)
    order.write(file)
    while (end := _follow(file, order, on_progress, should_stop)).smaller:
        log.warning("out_of_memory", said=end.failure, cure=end.cure)
        if should_stop():
            end = Told(finished=False)
            break
    order.stop.unlink(missing_ok=True)
    if end.failure is not None:
        raise RunError(end.failure, where=end.where, cure=end.cure, retryable=end.retryable)
    return bool(end.finished)


def _written(checkpoints: Path, part: str, texts: Sequence[Text]) -> Path:
    """Write the texts beside the checkpoints, for processes that are told files; a training resumed has the same."""
    checkpoints.parent.mkdir(parents=True, exist_ok=True)
    name = f"{checkpoints.name}.{part}"
    write_part(checkpoints.parent, name, texts)
    return part_file(checkpoints.parent, name)


def _follow(file: Path, order: Order, on_progress: OnProgress, should_stop: Callable[[], bool]) -> Told:
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
                elif told is not None and told.progress is not None:
                    on_progress(told.progress)
        except BaseException:
            process.kill()
            raise
    if not end.last and should_stop():
        return Told(finished=False)  # whoever asked for the stop ended the processes too
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

    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(name, "lo")  # one host: other addresses may be closed to the job, and rightly so
    here = ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={devices}"]
    torchrun([*here, "-m", "driftwatch.retrain.launchers.rank", file])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

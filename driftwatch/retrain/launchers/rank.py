"""One of the processes that train together; torchrun starts it: ``-m driftwatch.retrain.launchers.rank ORDER``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.errors import DriftwatchError, RunError
from driftwatch.retrain.batches import SmallerPartsError
from driftwatch.retrain.collect.mix import Part
from driftwatch.retrain.finetune import ranks
from driftwatch.retrain.launchers.order import Told, read_order

if TYPE_CHECKING:
    from driftwatch.domain.run import Progress

_PR_SET_PDEATHSIG = 1
_SMALLER = "set at_once in the recipe to fewer sequences, or a smaller context"


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however that ends: nobody trains on for a dead job.

    Source: prctl(2).
    """
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def tell(told: Told) -> None:
    """Say something to the job."""
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


def main(file: Path) -> int:
    """Train, and tell how it ended."""
    from driftwatch.retrain.finetune import finetune
    from driftwatch.retrain.finetune.memory import out_of_memory

    die_with_parent()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    order = read_order(file)

    def step(progress: Progress) -> None:
        if ranks.is_first():
            tell(Told(progress=progress))

    try:
        finished = finetune(
            order.champion,
            Part(order.train),
            order.recipe,
            round=order.round,
            out=order.out,
            checkpoints=order.checkpoints,
            on_progress=step,
            should_stop=order.stop.exists,
            threads=order.threads,
            select=Part(order.select),
            replay=Part(order.replay),
        )
    except DriftwatchError as error:
        smaller = isinstance(error, SmallerPartsError)
        tell(Told(failure=error.what, where=error.where, cure=error.cure, retryable=error.retryable, smaller=smaller))
        return error.exit_code
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        tell(Told(failure=f"the memory of device {ranks.rank()} does not hold its part of a batch", cure=_SMALLER))
        return RunError.exit_code
    if ranks.is_first():
        tell(Told(finished=finished))
    ranks.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""One of the processes that train together; torchrun starts it: ``-m driftwatch.retrain.launchers.rank ORDER``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

import msgspec
import structlog

from driftwatch.domain.errors import DriftwatchError, RunError
from driftwatch.retrain.launchers.order import Told, read_order
from driftwatch.retrain.launchers.training import train_here
from driftwatch.retrain.ranks import Ranks

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


def _out_of_memory(error: Exception) -> bool:
    from driftwatch.retrain.finetune.training import out_of_memory

    return out_of_memory(error)


def main(file: Path) -> int:
    """Train, and tell how it ended."""
    die_with_parent()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    order, ranks = read_order(file), Ranks.here()
    ranks.meet()

    def step(done: int, total: int, loss: float) -> None:
        if ranks.first:
            tell(Told(done=done, total=total, loss=loss))

    try:
        finished = train_here(order, on_progress=step, should_stop=order.stop.exists)
    except DriftwatchError as error:
        tell(Told(failure=error.what, where=error.where, cure=error.cure, retryable=error.retryable))
        return error.exit_code
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
        tell(Told(failure=f"the memory of device {ranks.index} does not hold its part of a batch", cure=_SMALLER))
        return RunError.exit_code
    if ranks.first:
        tell(Told(finished=finished))
    ranks.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

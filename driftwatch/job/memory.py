"""Memory that ran out outside of a training: told as what it is, instead of as a job that died again and again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from driftwatch.domain.errors import RunError
from driftwatch.retrain.finetune.memory import out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def memory_told(stage: str) -> Iterator[None]:
    """Turn an allocation that failed into an error that says in which stage; a training has tried smaller parts before.

    Args:
        stage: the run's state.

    Raises:
        RunError: not retryable, for the same work would need the same memory again.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not out_of_memory(error):
            raise
        raise RunError(
            f"there is not enough memory for {stage}",
            cure="give the job more memory, or let the recipe take fewer texts (max_texts) or a smaller context",
        ) from error

"""Memory that really runs out is told; every other failure is left as it is."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from driftwatch.domain.errors import ConflictError, DriftwatchError, RunError
from driftwatch.job.memory import memory_told

HUGE = 2**55


def of_numpy() -> object:
    return np.empty(HUGE, dtype=np.int8)


def of_torch() -> object:
    import torch

    return torch.empty(HUGE, dtype=torch.int8)


def of_the_kernel() -> object:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


@pytest.mark.parametrize("allocate", [of_numpy, of_torch, of_the_kernel])
def test_what_cannot_be_allocated_ends_the_run_with_the_stage_and_a_cure(allocate: object) -> None:
    assert callable(allocate)
    with pytest.raises(RunError, match="not enough memory for judging") as caught, memory_told("judging"):
        allocate()
    assert not caught.value.retryable
    assert "more memory" in str(caught.value)


@pytest.mark.parametrize(
    "failure", [RuntimeError("a bug"), OSError(errno.ENOSPC, "No space left on device"), ConflictError("cancelled")]
)
def test_other_failures_stay_what_they_are(failure: Exception) -> None:
    with pytest.raises((RuntimeError, OSError, DriftwatchError)) as caught, memory_told("judging"):
        raise failure
    assert caught.value is failure


def test_nothing_happens_to_what_goes_well() -> None:
    with memory_told("collecting"):
        pass

"""The processes that train one model together: who is first, how they wait for each other and agree.

torchrun tells each process its place in ``RANK`` and their number in ``WORLD_SIZE``; without it there is one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from driftwatch.domain.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that train together.

    Args:
        index: its place, from 0; the first alone writes and reports.
        count: how many there are.
    """

    index: int = 0
    count: int = 1

    @classmethod
    def here(cls) -> Ranks:
        """Return this process's place, as torchrun says."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def first(self) -> bool:
        """Whether this one writes and reports for all."""
        return self.index == 0

    def meet(self) -> None:
        """Join the others: over NCCL where there are GPUs, over Gloo elsewhere."""
        if self.count > 1:
            import torch
            from torch import distributed

            cuda = torch.cuda.is_available()
            if cuda:
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            distributed.init_process_group("nccl" if cuda else "gloo")

    def wait(self) -> None:
        """Go on once all are here."""
        if self.count > 1:
            from torch import distributed

            distributed.barrier()

    def any(self, flag: bool) -> bool:
        """Return whether it holds for any of the processes; all get the same answer."""
        if self.count == 1:
            return flag
        import torch
        from torch import distributed

        said = torch.tensor([int(flag)], device="cuda" if distributed.get_backend() == "nccl" else "cpu")
        distributed.all_reduce(said, op=distributed.ReduceOp.MAX)
        return bool(said.item())

    def first_before(self, look: Callable[[], Result]) -> Result:
        """Let the first process do it, then the others: for what changes files when it is first done."""
        if not self.first:
            self.wait()
        found = look()
        if self.first:
            self.wait()
        return found

    def share(self, batch: int) -> int:
        """Return a process's part of a batch.

        Raises:
            RunError: the batch cannot be shared evenly.

        Examples:
            >>> Ranks(index=1, count=2).share(8)
            4
        """
        if batch % self.count:
            raise RunError(
                f"a batch of {batch} sequences cannot be shared by {self.count} devices",
                cure="let the recipe's batch be a multiple of its devices",
            )
        return batch // self.count

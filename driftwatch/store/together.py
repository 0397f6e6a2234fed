"""Group commit: what several threads bring at once is made durable in one transaction."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from driftwatch.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

W = TypeVar("W")
R = TypeVar("R")


class _Waiting(Generic[W, R]):
    """One piece of work, from the moment it is brought until it is durable or refused."""

    __slots__ = ("called", "error", "leads", "result", "size", "work")

    def __init__(self, work: W, size: int) -> None:
        self.work, self.size = work, size
        self.called = threading.Event()
        self.leads = False
        self.result: R | None = None
        self.error: BaseException | None = None


class Together(Generic[W, R]):
    """Commits what waits, together, and wakes each thread with what its own part came to.

    There is no thread of its own and no timer: who finds nobody committing commits at once, whatever came meanwhile is
    committed next by the first that came. So a single caller waits for nothing, and the more there are, the more of
    them share a commit.

    Args:
        commit: makes pieces of work durable, all or none, and returns what each came to.
        most: size at which a transaction takes no further piece.
    """

    def __init__(self, commit: Callable[[Sequence[W]], Sequence[R]], *, most: int) -> None:
        self._commit, self._most = commit, most
        self._guard = threading.Lock()
        self._waiting: list[_Waiting[W, R]] = []
        self._led = False

    def take(self, work: W, *, size: int) -> R:
        """Return what the work came to, once it is durable.

        Args:
            work: a piece of it.
            size: such as its rows.

        Raises:
            StoreUnavailableError: it could not be made durable, nothing of it was stored; likewise for other errors.
        """
        (found,) = self.take_each([work], sizes=[size])
        if isinstance(found, BaseException):
            raise found
        return found

    def take_each(self, works: Sequence[W], *, sizes: Sequence[int]) -> list[R | BaseException]:
        """Return what each of several pieces came to, once all are settled: its result, or why it was not stored.

        They are brought at once, by one thread, and refused each for itself like those of several threads.

        Args:
            works: in their order.
            sizes: of each.
        """
        own = [_Waiting[W, R](work, size) for work, size in zip(works, sizes, strict=True)]
        if not own:
            return []
        with self._guard:
            self._waiting += own
            own[0].leads, self._led = not self._led, True
        for each in own:  # what does not fit into one transaction is led into the next by its own first piece
            if not each.leads:
                each.called.wait()
            if each.leads:
                self._lead()
        return [each.error if each.error is not None else cast("R", each.result) for each in own]

    def _lead(self) -> None:
        """Commit what waits, this thread's own work first among it, and hand the lead to the next that waits."""
        with self._guard:
            group = self._first()
        try:
            self._settle(group)
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].called.set()
                else:
                    self._led = False
            for each in group:
                each.called.set()

    def _first(self) -> list[_Waiting[W, R]]:
        count, size = 0, 0
        for each in self._waiting:
            if count and size + each.size > self._most:
                break
            count, size = count + 1, size + each.size
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    def _settle(self, group: Sequence[_Waiting[W, R]]) -> None:
        for each in group:
            each.error = StoreUnavailableError("the commit was interrupted", where="intake", cure="send it again")
        try:
            results = self._commit([each.work for each in group])
        except StoreUnavailableError as error:
            for each in group:
                each.error = error
        except Exception as error:  # noqa: BLE001 - raised again in the thread whose work it came from
            if len(group) > 1:  # one of them is to blame, the others are not to suffer for it
                for each in group:
                    self._settle([each])
            else:
                group[0].error = error
        else:
            for each, result in zip(group, results, strict=True):
                each.result, each.error = result, None

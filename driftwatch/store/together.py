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
        own = _Waiting[W, R](work, size)
        with self._guard:
            self._waiting.append(own)
            own.leads, self._led = not self._led, True
        if not own.leads:
            own.called.wait()
        if own.leads:
            self._lead()
        if own.error is not None:
            raise own.error
        return cast("R", own.result)

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

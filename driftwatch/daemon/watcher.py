"""Notices when a policy or recipe file changes; lives beside the daemon, and its death is none of the daemon's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import structlog
import watchfiles

from driftwatch.daemon.places import contents, folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from driftwatch.domain.protocols import Clock

log = structlog.get_logger()

QUIET_MS = 200
"""Files must have been still for so long before they are read: an editor writes in several steps."""

_LONGEST_MS = 2_000
"""Files that are never still are read after so long all the same."""

_AGAIN_MS = 2_000
"""Without a word from the system the files are looked at again after so long: network file systems tell nothing."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds before watching is tried again after a failure; the files are looked at after each pause all the same."""


class Watch(Protocol):
    """Yields whenever something happened in folders, and now and then where nothing did; ``watchfiles.watch``."""

    def __call__(self, folders: Sequence[Path], stop: threading.Event) -> Iterator[object]:
        """Yield until told to stop.

        Raises:
            Exception: the folders cannot be watched (any more).
        """
        ...


class Watcher:
    """A thread that calls back after the content of files has changed.

    Args:
        patterns: of the files, absolute.
        changed: called in the thread, once a change; again after a pause where it raises.
        clock: for when the files were last looked at.
        watch: what yields when something happened in folders.
    """

    def __init__(
        self, patterns: Iterable[str], changed: Callable[[], None], *, clock: Clock, watch: Watch | None = None
    ) -> None:
        self._patterns = tuple(patterns)
        self._changed = changed
        self._clock = clock
        self._watch = watch or _watch
        self._stopping = threading.Event()
        self._held = contents(self._patterns)
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self.trouble: str | None = None
        self.looked_at: datetime = clock.now()

    def start(self) -> None:
        """Begin; what changed since this object was made is noticed too."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for a call in progress."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def up(self) -> bool:
        """Whether changes are noticed at once; while they are not, they still are within a minute."""
        return self.trouble is None and self._thread.is_alive()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                self._look()
                for _ in self._watched():
                    pause = _FIRST_PAUSE
                    self.trouble = None
                    self._look()
            except Exception as error:  # a loop's boundary: the daemon goes on, and says that this does not
                self.trouble = f"{type(error).__name__}: {error}"
                log.exception("policy_files_not_watched", again_in=pause)
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _watched(self) -> Iterator[object]:
        """Yield as long as the folders stay the same ones, on disk too."""
        present = _identities(self._patterns)
        for happened in self._watch(sorted(present), self._stopping):
            yield happened
            if _identities(self._patterns) != present:
                return

    def _look(self) -> None:
        held = contents(self._patterns)
        self.looked_at = self._clock.now()
        if held != self._held:
            self._changed()
            self._held = held  # not before: what could not be told is told again


def _identities(patterns: Sequence[str]) -> dict[Path, tuple[int, int]]:
    """Return the folders to watch with what they are on disk: one made anew under its name is another."""
    found = {}
    for folder in folders(patterns):
        try:
            status = folder.stat()
        except OSError:  # gone since
            continue
        found[folder] = (status.st_dev, status.st_ino)
    return found


def _watch(folders: Sequence[Path], stop: threading.Event) -> Iterator[object]:
    return watchfiles.watch(
        *folders,
        watch_filter=None,
        recursive=False,
        step=QUIET_MS,
        debounce=_LONGEST_MS,
        rust_timeout=_AGAIN_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
        stop_event=stop,
        raise_interrupt=False,
    )

"""The files of a folder in the order they were written, and which of them were read."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import msgspec

from driftwatch.intake.filesystem import is_local
from driftwatch.intake.rowfiles import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftwatch.domain.protocols import Clock
    from driftwatch.intake.folder import FolderSettings

_MICROS = timedelta(microseconds=1)
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


class Entry(msgspec.Struct, frozen=True):
    """A file as it is now.

    Args:
        name: below the folder.
        path: for the filesystem.
        size: in bytes.
        time: microseconds since 1970 when it was written.
        tag: of its content, where the filesystem gives one, as buckets do.
    """

    name: str
    path: str
    size: int
    time: int
    tag: str = ""

    @property
    def version(self) -> str:
        """What changes when the file is written anew."""
        return f"{self.size}-{self.time}{self.tag}"


class Position(msgspec.Struct, frozen=True):
    """How far a folder was read.

    Args:
        name: of the file that is being read; empty between two files.
        version: of that file.
        offset: bytes (unpacked) or rows of it that were read.
        until: when the newest file that was read to its end was written.
        read: versions of the files that were read to their ends, as far back as files may still turn up.
    """

    name: str = ""
    version: str = ""
    offset: int = 0
    until: int = 0
    read: dict[str, tuple[str, int]] = {}

    def within(self, entry: Entry) -> Position:
        """Return the position in a file: where it was left, or its begin where it is another or was written anew."""
        if self.name == entry.name and self.version == entry.version:
            return self
        return self.at(entry, 0)

    def at(self, entry: Entry, offset: int) -> Position:
        """Return a place in a file."""
        return msgspec.structs.replace(self, name=entry.name, version=entry.version, offset=offset)

    def done(self, entry: Entry, *, late: timedelta) -> Position:
        """Return the position after a file."""
        until = max(self.until, entry.time)
        oldest = until - late // _MICROS
        read = {**self.read, entry.name: (entry.version, entry.time)}
        return Position(until=until, read={name: at for name, at in read.items() if at[1] >= oldest})

    def wants(self, entry: Entry, *, late: timedelta) -> bool:
        """Whether a file has not been read, and is not too old to have been passed by."""
        if entry.time < self.until - late // _MICROS:
            return False
        return self.read.get(entry.name, ("", 0))[0] != entry.version


class Listing:
    """Looks for files.

    Args:
        system: of fsspec.
        root: the folder's path in it.
        settings: which files, and how often to look.
        clock: measures the time between two looks.
    """

    def __init__(self, system: Any, root: str, settings: FolderSettings, *, clock: Clock) -> None:  # noqa: ANN401
        self._system, self._root, self._settings, self._clock = system, root.rstrip("/"), settings, clock
        self._pending: deque[Entry] = deque()
        self._looked_at: datetime | None = None
        self._aside: dict[str, Entry] = {}
        self._old: list[Entry] = []
        self.shut: dict[str, OSError] = {}
        """What we may not read, as the newest look and the reads since found it: paths, and what was said of them."""

    def forget(self) -> None:
        """Look again, whatever was found before."""
        self._looked_at = None

    def put_aside(self, entry: Entry, error: OSError) -> None:
        """Pass over a file that we may not read, until the next look; the others go on."""
        self._aside[entry.name] = entry
        self.shut[entry.path] = error

    def passed_by(self, position: Position) -> list[Entry]:
        """Return, once, the files that were put aside and are too old by now to be read any more."""
        self._note_old(position)
        old, self._old = self._old, []
        return old

    def _note_old(self, position: Position) -> None:
        old = [each for each in self._aside.values() if not position.wants(each, late=self._settings.late)]
        for each in old:
            del self._aside[each.name]
            self.shut.pop(each.path, None)
        self._old += [each for each in old if each.name not in position.read]

    def next(self, position: Position) -> Entry | None:
        """Return the file to read on in; None where there is none for now."""
        if entry := self._first(position):
            return entry
        now = self._clock.now()
        if self._looked_at is not None and now - self._looked_at < self._settings.every:
            return None
        self._looked_at = now
        self._note_old(position)
        self._aside, self.shut = {}, {}
        wanted = [each for each in self._entries() if position.wants(each, late=self._settings.late)]
        # A file that is half read comes first, wherever its time has it.
        self._pending = deque(sorted(wanted, key=lambda each: (each.name != position.name, each.time, each.name)))
        return self._first(position)

    def _first(self, position: Position) -> Entry | None:
        if self._looked_at is None:
            return None
        while self._pending and not self._is_next(self._pending[0], position):
            self._pending.popleft()
        return self._pending[0] if self._pending else None

    def _is_next(self, entry: Entry, position: Position) -> bool:
        return entry.name not in self._aside and position.wants(entry, late=self._settings.late)

    def _entries(self) -> list[Entry]:
        if is_local(self._system):
            found = list(self._walked(self._root, is_root=True))
        else:
            found = list(self._system.find(self._root, detail=True).values())
            if not found and not self._system.exists(self._root):
                raise FileNotFoundError(2, "there is no such folder")
        entries = [self._entry(about) for about in found if about.get("type", "file") == "file"]
        return [each for each in entries if self._is_wanted(each.name)]

    def _walked(self, folder: str, *, is_root: bool = False) -> Iterator[Mapping[str, Any]]:
        """Yield the files below a folder; fsspec's own walk passes over what it may not look into, and says nothing."""
        try:
            found = self._system.ls(folder, detail=True)
        except FileNotFoundError:
            if is_root:
                raise FileNotFoundError(2, "there is no such folder") from None
            return  # removed since we saw it
        except PermissionError as error:
            if is_root:
                raise
            self.shut[folder] = error
            return
        for about in found:
            if about["type"] == "directory":
                yield from self._walked(about["name"])
            else:
                yield about

    def _entry(self, about: Mapping[str, Any]) -> Entry:
        path = str(about["name"])
        name = path.removeprefix(self._root).lstrip("/")
        size, tag = int(about.get("size") or 0), str(about.get("ETag") or "")
        return Entry(name=name, path=path, size=size, time=_written(about), tag=tag)

    def _is_wanted(self, name: str) -> bool:
        """Hidden files are somebody's working copies, and so are those that a writer has not renamed yet."""
        parts = name.split("/")
        if any(part.startswith((".", "_")) for part in parts) or not is_known(name):
            return False
        return fnmatch(name, self._settings.files) or fnmatch(parts[-1], self._settings.files)


def _written(about: Mapping[str, Any]) -> int:
    """Return when a file was written; filesystems call it by different names."""
    for key in ("LastModified", "mtime", "last_modified", "updated", "modified", "created"):
        value = about.get(key)
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            at = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
            return (at - _BEGIN) // _MICROS
        if isinstance(value, int | float):
            return int(value * 1_000_000)
    return 0

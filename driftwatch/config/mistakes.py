"""Everything that is wrong with a configuration: each mistake at its place, and none that only follows from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.config.places import place
from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.config.places import Key


class Mistakes:
    """Gathers mistakes until all of them can be told at once.

    Args:
        path: of the file.
        source: its text.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path, self._source = path, source
        self._told: dict[tuple[int, int, str], None] = {}
        self._wrong: list[Key] = []
        self._defaulted: list[Key] = []
        self._kept: dict[Key, tuple[int, ...]] = {}

    def add(self, key: Key, what: str, cure: str = "") -> None:
        """Note a mistake."""
        line, column = place(self._source, key)
        self._told[line, column, what + (f" ({cure})" if cure else "")] = None

    def add_unused(self, key: Key, what: str, cure: str = "", *, meant: Key | None) -> None:
        """Note a mistake for which the value is left out.

        Args:
            key: what is wrong.
            what: is wrong with it.
            cure: what to do.
            meant: the setting that was meant, as far as can be guessed: it is not missing, but its default stands in.
        """
        self.add(key, what, cure)
        self._wrong.append(key)
        if meant is not None:
            self._wrong.append(meant)
            self._defaulted.append(meant)

    def keep(self, key: Key, indices: Sequence[int]) -> None:
        """Note which elements of a list are looked at further."""
        self._kept[key] = tuple(indices)

    def written(self, key: Key) -> Key:
        """Return a key of what is looked at further as it stands in the file."""
        for at in range(1, len(key)):
            if (kept := self._kept.get(key[:at])) is not None and isinstance(index := key[at], int):
                return (*key[:at], kept[index], *key[at + 1 :])
        return key

    def known(self, key: Key, *, of_whole: bool) -> bool:
        """Whether what is found wrong is told already, or may only come of a default that stands in.

        Args:
            key: what is found wrong.
            of_whole: whether values that are right one by one don't go together.
        """
        told = any(key[: len(wrong)] == wrong for wrong in self._wrong)
        return told or (of_whole and any(each[: len(key)] == key for each in self._defaulted))

    def raise_all(self) -> None:
        """Raise what was noted, in the file's order; nothing happens where there is nothing.

        Raises:
            ConfigError: with all mistakes.
        """
        if self._told:
            raise ConfigError(
                "\n".join(f"{self._path}:{line}:{column}: {what}" for line, column, what in sorted(self._told))
            )

"""A YAML file as values that know where they stand, so that every mistake is told with its place."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol

import yaml

from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_LARGEST = 2**18
_Loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Spot:
    """A value of a file; None stands for an empty one."""

    file: Path
    node: yaml.Node

    def wrong(self, what: str, cure: str | None = None) -> ConfigError:
        """Return the error about this place; what stands there is not repeated, it may be a secret."""
        return ConfigError(what, where=_at(self.file, self.node.start_mark), cure=cure)

    def table(self, allowed: Collection[str] | None = None) -> dict[str, Spot]:
        """Return the values by key; an empty value has none.

        Raises:
            ConfigError: it is no mapping, a key is unknown or given twice.
        """
        if _empty(self.node):
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("here stands no mapping", "write key: value")
        found: dict[str, Spot] = {}
        for key, value in self.node.value:
            name = Spot(self.file, key).text()
            if allowed is not None and name not in allowed:
                near = get_close_matches(name, allowed, 1)
                cure = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(sorted(allowed))
                raise Spot(self.file, key).wrong("this key is unknown", cure)
            if name in found:
                raise Spot(self.file, key).wrong("this key is given twice", "keep one")
            found[name] = Spot(self.file, value)
        return found

    def text(self) -> str:
        """Return a word.

        Raises:
            ConfigError: it is none.
        """
        if not isinstance(self.node, yaml.ScalarNode) or _empty(self.node):
            raise self.wrong("here stands no text", "write it as one word, quoted where it has odd characters")
        return str(self.node.value)

    def flag(self) -> bool:
        """Return true or false.

        Raises:
            ConfigError: it is neither.
        """
        value = _FLAGS.get(self.text().lower())
        if value is None:
            raise self.wrong("this is neither true nor false")
        return value

    def texts(self) -> list[Spot]:
        """Return the entries of a list.

        Raises:
            ConfigError: it is none.
        """
        if _empty(self.node):
            return []
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("here stands no list", "write - entry, one a line")
        return [Spot(self.file, each) for each in self.node.value]


def read_spot(file: Path) -> Spot | None:
    """Read a YAML file; None when nothing stands in it.

    Raises:
        ConfigError: it cannot be read, is no YAML, or uses aliases.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LARGEST + 1)
    except OSError as error:
        cure = "check the path and its permissions"
        raise ConfigError(f"it cannot be read: {error.strerror}", where=str(file), cure=cure) from None
    if len(raw) > _LARGEST:
        raise ConfigError(f"it is larger than {_LARGEST // 1024} KiB", where=str(file))
    try:
        for event in yaml.parse(raw, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                raise ConfigError("aliases are not read", where=_at(file, event.start_mark))
        root = yaml.compose(raw, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        where = _at(file, error.problem_mark or error.context_mark)
        raise ConfigError(f"this is no YAML: {error.problem or error.context}", where=where) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError("this is no YAML", where=str(file), cure="save it as plain UTF-8 text") from None
    return None if root is None else Spot(file, root)


class _Mark(Protocol):
    line: int
    column: int


def _at(file: Path, mark: _Mark | None) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(file)


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and str(node.tag) == "tag:yaml.org,2002:null"

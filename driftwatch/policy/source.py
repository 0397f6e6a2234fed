"""A policy file as data in which every place can still be found: YAML with positions, without its traps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import yaml

from driftwatch.domain.excerpt import excerpt
from driftwatch.policy.mistakes import Mistake, MistakesError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 2**20
"""Bytes of a policy file; larger ones are refused."""

SUFFIXES_OF_CASES = (".test.yaml", ".test.yml")
"""How the names of files of cases end; they are no policies, though they lie beside them."""

_DEEPEST = 20
_MOST_VALUES = 40_000
"""Names and values of a policy file: several times what its most rules, each saying everything, hold."""
_Loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands, line and column from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A policy file that was read.

    Args:
        name: as named in messages.
        text: its content.
        data: its content as plain values.
        keys: place of each key, by its path in the data.
        nodes: value of each path with its marks.
    """

    name: str
    text: str
    data: Mapping[str, object]
    keys: Mapping[_Path, Place]
    nodes: Mapping[_Path, yaml.Node]

    def place(self, path: _Path, *, key: bool = False) -> Place:
        """Return where a path's value (or its key) stands; the nearest enclosing one that does."""
        while path:
            if key and path in self.keys:
                return self.keys[path]
            if path in self.nodes:
                return _place(self.nodes[path].start_mark)
            path = path[:-1]
        return Place(line=1, column=1)

    def mistake(self, what: str, place: Place, *, cure: str | None = None) -> Mistake:
        """Return what is wrong at a place, with its line and caret."""
        return _mistake(self.name, self.text, what, place, cure)

    def inside(self, path: _Path, *, line: int, column: int) -> Place:
        """Return where a character of a text value stands in the file.

        Args:
            path: of the value.
            line: in the value's own text, from 1.
            column: in that line, from 1.
        """
        node = self.nodes.get(path)
        if not isinstance(node, yaml.ScalarNode):
            return self.place(path)
        before = "".join(node.value.splitlines(keepends=True)[: line - 1])
        wanted = len("".join((before + (node.value.splitlines() or [""])[line - 1][: column - 1]).split()))
        return self._nth(node, wanted)

    def _nth(self, node: yaml.ScalarNode, wanted: int) -> Place:
        """Return the place of the value's character that has ``wanted`` visible ones before it."""
        lines = self.text.splitlines()
        row, start = node.start_mark.line, node.start_mark.column
        row, start = (row + 1, 0) if node.style in ("|", ">") else (row, start + (node.style in ('"', "'")))
        for number in range(row, min(node.end_mark.line + 1, len(lines))):
            for index, character in enumerate(lines[number]):
                if (number > row or index >= start) and not character.isspace():
                    if wanted == 0:
                        return Place(line=number + 1, column=index + 1)
                    wanted -= 1
        return _place(node.end_mark)


def read_source(path: Path) -> Source:
    """Read a policy file.

    Raises:
        MistakesError: it cannot be opened, is too large, no UTF-8, no YAML, or uses what policies do without.
    """
    name = str(path)
    return parse_source(_read(path), name=name)


def parse_source(text: str, *, name: str) -> Source:
    """Read a policy from text; ``name`` stands for it in messages."""
    keys: dict[_Path, Place] = {}
    nodes: dict[_Path, yaml.Node] = {}
    try:
        root = _compose(text, name)
        data = _value(root, (), keys, nodes) if root is not None else None
    except _BadNodeError as error:
        raise MistakesError([_mistake(name, text, error.what, error.place, error.cure)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark)
        what = f"this is no YAML: {error.problem or error.context}"
        raise MistakesError([_mistake(name, text, what, place, "check indentation, quotes and colons")]) from None
    except yaml.reader.ReaderError as error:
        what = (
            f"character #x{error.character:04x} is not allowed"
            if isinstance(error.character, int)
            else "a character is not allowed"
        )
        raise MistakesError([Mistake(what=what, where=name, cure="save the file as plain UTF-8 text")]) from None
    if not isinstance(data, dict):
        cure = 'write "stream:" and "rules:"; see docs/policies.md'
        what = "the file is empty" if data is None else 'a policy is a mapping with "stream" and "rules"'
        raise MistakesError([_mistake(name, text, what, Place(line=1, column=1), cure)])
    return Source(name=name, text=text, data=data, keys=keys, nodes=nodes)


class _Mark(Protocol):
    line: int
    column: int


class _BadNodeError(Exception):
    def __init__(self, what: str, place: Place, cure: str) -> None:
        super().__init__(what)
        self.what, self.place, self.cure = what, place, cure


def _read(path: Path) -> str:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
            what, cure = "it is no plain file", "write the policy to a file"
            raise MistakesError([Mistake(what=what, where=str(path), cure=cure)])
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        cure = "check the path and its permissions"
        raise MistakesError([Mistake(what=f"cannot be read: {error.strerror}", where=str(path), cure=cure)]) from None
    if len(raw) > LARGEST:
        what = f"the file is larger than {LARGEST // 2**20} MiB"
        raise MistakesError([Mistake(what=what, where=str(path), cure="split it into several files")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        what = f"byte {raw[error.start]:#04x} is not UTF-8"
        cure = "save the file as UTF-8"
        raise MistakesError([Mistake(what=what, where=f"{path}:{line}:{column}", cure=cure)]) from None


def _compose(text: str, name: str) -> yaml.Node | None:
    """Return the document's tree after refusing what could make it huge."""
    depth = documents = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        values += isinstance(event, yaml.ScalarEvent)
        place = _place(event.start_mark)
        if values > _MOST_VALUES:
            what, cure = f"the file holds more than {_MOST_VALUES:,} values", "split it into several files"
            raise _BadNodeError(what, place, cure)
        if isinstance(event, yaml.AliasEvent):
            raise _BadNodeError("aliases are not used in policies", place, "write the value out")
        if depth > _DEEPEST:
            raise _BadNodeError(f"nested more than {_DEEPEST} deep", place, "policies are three deep")
        if documents > 1:
            raise _BadNodeError("a second document begins here", place, f"keep one document in {name}")
    root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    return root


def _value(node: yaml.Node, path: _Path, keys: dict[_Path, Place], nodes: dict[_Path, yaml.Node]) -> object:
    nodes[path] = node
    if isinstance(node, yaml.MappingNode):
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in found:
                first = keys[(*path, key)].line
                raise _BadNodeError(
                    f'"{key}" is given twice', _place(key_node.start_mark), f"the first is on line {first}"
                )
            keys[(*path, key)] = _place(key_node.start_mark)
            found[key] = _value(value_node, (*path, key), keys, nodes)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), keys, nodes) for index, item in enumerate(node.value)]
    return _scalar(node)


def _key(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise _BadNodeError("a key must be a word", _place(node.start_mark), "write it as name: value")


def _scalar(node: yaml.Node) -> object:
    try:
        value: object = yaml.constructor.SafeConstructor().construct_object(node)
    except yaml.constructor.ConstructorError as error:
        raise _BadNodeError(f"{error.problem}", _place(node.start_mark), "use plain text and numbers") from None
    except (ValueError, OverflowError):
        raise _BadNodeError("the value cannot be read", _place(node.start_mark), "quote it") from None
    return value


def _place(mark: _Mark | None) -> Place:
    if mark is None:
        return Place(line=1, column=1)
    return Place(line=mark.line + 1, column=mark.column + 1)


def _mistake(name: str, text: str, what: str, place: Place, cure: str | None) -> Mistake:
    where = f"{name}:{place.line}:{place.column}"
    return Mistake(what=what, where=where, cure=cure, excerpt=excerpt(text, line=place.line, column=place.column))

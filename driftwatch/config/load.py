"""Reads ``driftwatch.toml``: every mistake with its place and its cure, all of them at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from driftwatch.config.mistakes import Mistakes
from driftwatch.config.places import Key
from driftwatch.config.settings import Config, SourceSettings, StreamSettings
from driftwatch.domain.errors import ConfigError
from driftwatch.domain.units import parse_duration, parse_size
from driftwatch.drift.drills.settings import DrillSettings
from driftwatch.intake.file import FileSettings
from driftwatch.intake.folder import FolderSettings

_AT = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_MOST_SHOWN = 20
KINDS = {
    next(each.default for each in fields(kind) if each.name == "type"): kind
    for kind in get_args(get_args(SourceSettings)[0])
}
"""Settings of sources by their ``type``."""


def load_config(path: Path, *, environ: Mapping[str, str]) -> Config:
    """Read and check the configuration; relative paths are those from the file's own folder.

    Args:
        path: of the file.
        environ: ``DRIFTWATCH_STATE_DIR`` takes the place of ``state_dir``.

    Raises:
        ConfigError: it cannot be read or used, with all its mistakes.
    """
    source = _read(path)
    raw = _parse(path, source)
    if state := environ.get("DRIFTWATCH_STATE_DIR"):
        raw["state_dir"] = state
    mistakes = Mistakes(path, source)
    prepared = _prepare(raw, Config, (), mistakes)
    return _resolved(_validated(prepared, path, mistakes), path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=str(path), cure="driftwatch init writes one") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start} is not UTF-8", where=str(path), cure="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"it cannot be read: {error.strerror}", where=str(path)) from None


def _parse(path: Path, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        match = _AT.match(str(error))
        what, line, column = (match[1], match[2], match[3]) if match else (str(error), None, None)
        lines = source.splitlines() or [""]
        where = f"{path}:{line}:{column}" if line else f"{path}:{len(lines)}:{len(lines[-1]) + 1}"
        raise ConfigError(f"this is no TOML: {what[:1].lower()}{what[1:]}", where=where) from None


def _prepare(value: Any, kind: Any, key: Key, mistakes: Mistakes) -> Any:  # noqa: PLR0911 - one kind after the other
    """Turn words into durations and sizes, short forms into long ones; collect what is misspelt."""
    options = _options(kind)
    if isinstance(value, str) and timedelta in options:
        return _worded(parse_duration, value, key, mistakes)
    if isinstance(value, str) and int in options and str(key[-1]).endswith("bytes"):
        return _worded(parse_size, value, key, mistakes)
    if key[-1:] == ("redact",) and isinstance(value, bool | list):
        return {"kinds": value} if isinstance(value, list) else ({} if value else None)
    if key[-1:] == ("sources",) and isinstance(value, list):
        return _sources(value, key, mistakes)
    if key[-1:] == ("drills",) and isinstance(value, list):
        return [_prepare(each, DrillSettings, (*key, index), mistakes) for index, each in enumerate(value)]
    if key == ("streams",) and isinstance(value, dict):
        named = {name: {**each, "name": name} if isinstance(each, dict) else each for name, each in value.items()}
        return {name: _prepare(each, StreamSettings, (*key, name), mistakes) for name, each in named.items()}
    table = next((option for option in options if is_dataclass(option)), None)
    if table is not None and isinstance(value, dict):
        return _prepare_table(value, table, key, mistakes)
    return value


def _prepare_table(value: dict[str, Any], table: Any, key: Key, mistakes: Mistakes) -> dict[str, Any]:
    hints = get_type_hints(table)
    allowed = {each.name for each in fields(table)} - ({"path"} if table is Config else set())
    told = allowed - ({"name"} if table is StreamSettings else set())
    for name, near in _strange(value, allowed, told):
        cure = f"did you mean {near}?" if near else "known here: " + ", ".join(sorted(told))
        mistakes.add_unused((*key, name), f'unknown key "{name}"', cure, meant=(*key, near) if near else None)
    return {
        name: _prepare(each, hints[name], (*key, name), mistakes) for name, each in value.items() if name in allowed
    }


def _strange(value: dict[str, Any], allowed: set[str], told: set[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the keys that are not allowed, each with that of those told of that is nearest, if any is near."""
    for name in value:
        if name not in allowed:
            yield name, next(iter(get_close_matches(name, told, 1)), None)


def _sources(value: list[Any], key: Key, mistakes: Mistakes) -> list[Any]:
    """Return the sources of which the kind is known, or can be guessed."""
    found = {index: _source(each, (*key, index), mistakes) for index, each in enumerate(value)}
    kept = {index: each for index, each in found.items() if each is not None}
    mistakes.keep(key, list(kept))
    return list(kept.values())


def _source(each: Any, key: Key, mistakes: Mistakes) -> Any:
    """Return a source as it is looked at further; None where nobody can tell what kind of source it is."""
    if not isinstance(each, dict):
        return each
    kind = KINDS.get(str(each.get("type", "")))
    if kind is not None:
        return _prepare_table(each, kind, key, mistakes)
    near = next(iter(get_close_matches(str(each.get("type", "")), [str(name) for name in KINDS], 1)), None)
    what = f'"{each["type"]}" is no type of source' if "type" in each else '"type" of the source is missing'
    known = " or ".join(f'"{name}"' for name in KINDS)
    mistakes.add((*key, "type"), what, f'did you mean "{near}"?' if near else f"write type = {known}")
    if near is not None:
        return _prepare_table({**each, "type": near}, KINDS[near], key, mistakes)
    anywhere = {name.name for kind in KINDS.values() for name in fields(kind)}
    for name, meant in _strange(each, anywhere, anywhere):
        mistakes.add((*key, name), f'unknown key "{name}"', f"did you mean {meant}?" if meant else "no source has it")
    return None


def _worded(read: Callable[[str], Any], value: str, key: Key, mistakes: Mistakes) -> Any:
    try:
        return read(value)
    except ValueError as error:
        mistakes.add_unused(key, str(error), meant=key)
        return None


def _validated(raw: dict[str, Any], path: Path, mistakes: Mistakes) -> Config:
    from pydantic import TypeAdapter, ValidationError

    try:
        config = TypeAdapter(Config).validate_python({**raw, "path": path.absolute()})
    except ValidationError as error:
        _note(error, mistakes)
        mistakes.raise_all()
        raise
    mistakes.raise_all()
    return config


def _note(error: ValidationError, mistakes: Mistakes) -> None:
    for each in error.errors()[:_MOST_SHOWN]:
        key, of_whole = mistakes.written(_key(each["loc"])), each["type"] == "value_error"
        what = each["msg"].removeprefix("Value error, ")
        if each["type"] == "missing":
            what = f'"{key[-1]}" is missing'
        elif not what.startswith(str(key[-1:])) and key and not of_whole:
            what = f'"{key[-1]}": {what[:1].lower()}{what[1:]}'
        if not mistakes.known(key, of_whole=of_whole):
            mistakes.add(key, what)


def _key(loc: Key) -> Key:
    """Return where a mistake is, without the kind of source that pydantic puts behind a source's number."""
    return tuple(
        part
        for at, part in enumerate(loc)
        if not (part in KINDS and at > 1 and loc[at - 2] == "sources" and isinstance(loc[at - 1], int))
    )


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _resolved(config: Config, path: Path) -> Config:
    base = path.absolute().parent
    streams = {name: _resolved_stream(stream, base) for name, stream in config.streams.items()}
    patterns = tuple(str(base / pattern) for pattern in config.policies)
    recipes = tuple(str(base / pattern) for pattern in config.recipes)
    daemon = config.daemon
    if daemon.web_config is not None:
        daemon = replace(daemon, web_config=base / daemon.web_config)
    retrain = replace(config.retrain, spool=base / config.retrain.spool) if config.retrain.spool else config.retrain
    return replace(
        config,
        state_dir=base / config.state_dir,
        policies=patterns,
        recipes=recipes,
        daemon=daemon,
        retrain=retrain,
        streams=streams,
    )


def _resolved_stream(stream: StreamSettings, base: Path) -> StreamSettings:
    reference = replace(
        stream.reference,
        data=tuple(base / file for file in stream.reference.data),
        heldout=tuple(base / file for file in stream.reference.heldout),
    )
    sources = tuple(_resolved_source(source, base) for source in stream.sources)
    drills = tuple(replace(drill, texts=base / drill.texts) for drill in stream.drills)
    model, encoder = stream.model, stream.encoder
    if model is not None and (base / model).is_dir():
        model = str(base / model)
    if (base / encoder.name).is_dir():
        encoder = replace(encoder, name=str(base / encoder.name))
    return replace(stream, reference=reference, sources=sources, drills=drills, model=model, encoder=encoder)


def _resolved_source(source: SourceSettings, base: Path) -> SourceSettings:
    match source:
        case FileSettings():
            return replace(source, path=base / source.path)
        case FolderSettings() if "://" not in source.url:
            return replace(source, url=str(base / source.url))
        case _:
            return source

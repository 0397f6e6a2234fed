"""Reads ``driftwatch.toml``: every mistake with its place and its cure, all of them at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from driftwatch.config.places import place
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
    mistakes: list[str] = []
    prepared = _prepare(raw, Config, (), source, path, mistakes)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return _resolved(_validated(prepared, path, source), path)


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


def _prepare(  # noqa: PLR0911 - one kind of value after the other
    value: Any, kind: Any, key: tuple[str | int, ...], source: str, path: Path, mistakes: list[str]
) -> Any:
    """Turn words into durations and sizes, short forms into long ones; collect what is misspelt."""
    options = _options(kind)
    if isinstance(value, str) and timedelta in options:
        return _worded(parse_duration, value, key, source, path, mistakes)
    if isinstance(value, str) and int in options and str(key[-1]).endswith("bytes"):
        return _worded(parse_size, value, key, source, path, mistakes)
    if key[-1:] == ("redact",) and isinstance(value, bool | list):
        return {"kinds": value} if isinstance(value, list) else ({} if value else None)
    if key[-1:] == ("sources",) and isinstance(value, list):
        return [_source(each, (*key, index), source, path, mistakes) for index, each in enumerate(value)]
    if key[-1:] == ("drills",) and isinstance(value, list):
        return [
            _prepare(each, DrillSettings, (*key, index), source, path, mistakes) for index, each in enumerate(value)
        ]
    if key == ("streams",) and isinstance(value, dict):
        named = {name: {**each, "name": name} if isinstance(each, dict) else each for name, each in value.items()}
        return {
            name: _prepare(each, StreamSettings, (*key, name), source, path, mistakes) for name, each in named.items()
        }
    table = next((option for option in options if is_dataclass(option)), None)
    if table is not None and isinstance(value, dict):
        return _prepare_table(value, table, key, source, path, mistakes)
    return value


def _prepare_table(
    value: dict[str, Any],
    table: Any,
    key: tuple[str | int, ...],
    source: str,
    path: Path,
    mistakes: list[str],
) -> dict[str, Any]:
    hints = get_type_hints(table)
    allowed = {each.name for each in fields(table)} - ({"path"} if table is Config else set())
    for name in value:
        if name not in allowed:
            near = get_close_matches(name, allowed - {"name"}, 1)
            cure = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(sorted(allowed - {"name"}))
            mistakes.append(_mistake(path, source, (*key, name), f'unknown key "{name}"', cure))
    return {
        name: _prepare(each, hints[name], (*key, name), source, path, mistakes)
        for name, each in value.items()
        if name in allowed
    }


def _source(each: Any, key: tuple[str | int, ...], source: str, path: Path, mistakes: list[str]) -> Any:
    if not isinstance(each, dict):
        return each
    kind = KINDS.get(str(each.get("type", "")))
    if kind is None:
        known = " or ".join(f'"{name}"' for name in KINDS)
        near = get_close_matches(str(each.get("type", "")), [str(name) for name in KINDS], 1)
        cure = f'did you mean "{near[0]}"?' if near else f"write type = {known}"
        mistakes.append(_mistake(path, source, (*key, "type"), f"a source's type is {known}", cure))
        return each
    return _prepare_table(each, kind, key, source, path, mistakes)


def _worded(read: Any, value: str, key: tuple[str | int, ...], source: str, path: Path, mistakes: list[str]) -> Any:
    try:
        return read(value)
    except ValueError as error:
        mistakes.append(_mistake(path, source, key, str(error), ""))
        return None


def _validated(raw: dict[str, Any], path: Path, source: str) -> Config:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Config).validate_python({**raw, "path": path.absolute()})
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(error, path, source))) from None


def _lines(error: ValidationError, path: Path, source: str) -> list[str]:
    lines = []
    for each in error.errors()[:_MOST_SHOWN]:
        key = _key(each["loc"])
        what = each["msg"].removeprefix("Value error, ")
        if each["type"] == "missing":
            what = f'"{key[-1]}" is missing'
        elif not what.startswith(str(key[-1:])) and key and each["type"] != "value_error":
            what = f'"{key[-1]}": {what[:1].lower()}{what[1:]}'
        lines.append(_mistake(path, source, key, what, ""))
    return list(dict.fromkeys(lines))


def _key(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return where a mistake is, without the kind of source that pydantic puts behind a source's number."""
    return tuple(
        part
        for at, part in enumerate(loc)
        if not (part in KINDS and at > 1 and loc[at - 2] == "sources" and isinstance(loc[at - 1], int))
    )


def _mistake(path: Path, source: str, key: tuple[str | int, ...], what: str, cure: str) -> str:
    line, column = place(source, key)
    return f"{path}:{line}:{column}: {what}" + (f" ({cure})" if cure else "")


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

"""What a configuration says, setting by setting, so that two can be compared."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from driftwatch.config.settings import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACE = "path"
_CHARACTERS = 16


def settings(config: Config) -> Mapping[str, str]:
    """Return every setting by its dotted name, those that stand at their default included, each value as JSON.

    Args:
        config: as loaded: its paths are absolute, and where it was read is no setting.
    """
    said: dict[str, Any] = TypeAdapter(Config).dump_python(config, mode="json")
    return dict(_leaves(said, ()))


def settings_digest(config: Config) -> str:
    """Return what two configurations share only where every setting of theirs is alike."""
    return sha256(json.dumps(settings(config), sort_keys=True).encode()).hexdigest()[:_CHARACTERS]


def _leaves(table: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = (*above, name)
        if key == (_PLACE,):
            continue
        if isinstance(value, dict) and value:
            yield from _leaves(value, key)
        else:
            yield ".".join(key), json.dumps(value, sort_keys=True)

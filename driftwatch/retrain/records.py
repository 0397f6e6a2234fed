"""Values kept with a run as JSON, one a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from driftwatch.domain.errors import RunError
from driftwatch.retrain.folders import write_whole

if TYPE_CHECKING:
    from pathlib import Path

Value = TypeVar("Value")


def write_record(value: object, file: Path) -> None:
    """Write a value for people and programs, whole or not at all."""
    write_whole(file, msgspec.json.format(msgspec.json.encode(value)))


def read_record(file: Path, kind: type[Value], *, name: str) -> Value | None:
    """Read a value; None where none was written.

    Args:
        file: of the value.
        kind: of the value.
        name: what it is, for people: "the merge's curve".

    Raises:
        RunError: it cannot be read.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise RunError(f"{name} cannot be read: {error}", where=str(file), cure="remove the file") from error

"""What was asked of a model and what it answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.text import Turn

_ENDS = {"prompt": "user", "completion": "assistant"}
_MOST_OBJECTS = 250_000
_MOST_VALUES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request to a model, with its answer where it is known.

    Args:
        prompt: messages that went in.
        completion: messages that came out.
        id: of the exchange, where its log has one.
        time: as it stands in the log.
        group: conversation, session or user.
        attributes: what else is known of it, for field paths.
    """

    prompt: tuple[Turn, ...] = ()
    completion: tuple[Turn, ...] = ()
    id: str | None = None
    time: object | None = None
    group: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The whole chat."""
        return (*self.prompt, *self.completion)

    def words(self, watch: Literal["prompt", "completion"]) -> str | None:
        """Return what the user said last, or what the model answered; None where it is not known."""
        messages = self.prompt if watch == "prompt" else self.completion
        said = [turn.content for turn in messages if turn.role == _ENDS[watch] and turn.content.strip()]
        return said[-1] if said else None


def unpacked(value: object) -> object:
    """Return what a string of JSON holds, for logs that keep messages as they were sent; anything else as it is.

    None for one with more objects or values than a chat has, which would be far more in memory than it is in bytes.
    Brackets and commas are counted, in texts too.
    """
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    if len(value) > _MOST_OBJECTS and (
        value.count("{") + value.count("[") > _MOST_OBJECTS or value.count(",") > _MOST_VALUES
    ):
        return None
    try:
        found: object = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value
    return found

"""Keeps intake within what the daemon can bear."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Limits of intake over HTTP.

    Args:
        max_bytes: largest body as it is sent.
        per_second: requests a second and stream, on average.
        burst: requests a stream may send at once after a pause.
        in_flight: requests being taken in at once, over all streams.
        backlog: texts not yet assessed at which a stream takes no more.
        body_seconds: longest time a body may take to arrive.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    max_bytes: int = 16 * 1024 * 1024
    per_second: float = 2_000.0
    burst: int = 4_000
    in_flight: int = 16
    backlog: int = 1_000_000
    body_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("max_bytes", "per_second", "burst", "in_flight", "backlog", "body_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, got {getattr(self, name)}")


class RateLimit:
    """A token bucket.

    Args:
        per_second: tokens that come back a second.
        burst: most tokens at once.
        now: monotonic seconds.
    """

    def __init__(self, *, per_second: float, burst: int, now: Callable[[], float]) -> None:
        self._per_second, self._burst, self._now = per_second, burst, now
        self._tokens, self._at = float(burst), now()
        self._guard = threading.Lock()

    def take(self) -> int | None:
        """Take a token and return None, or return the whole seconds until there is one."""
        with self._guard:
            now = self._now()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
            self._at = now
            if self._tokens < 1:
                return math.ceil((1 - self._tokens) / self._per_second)
            self._tokens -= 1
            return None

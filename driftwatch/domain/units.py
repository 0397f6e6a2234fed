"""Durations and sizes as people write them: ``24h``, ``1h 30m``, ``2 GiB``."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_LONGEST = 100
_PIECE = r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d|w)"
_DURATION = re.compile(rf"(?:{_PIECE}\s*)+", re.ASCII)
_SIZE = re.compile(r"(\d[\d_]{0,15}(?:\.\d{1,6})?)\s*([A-Za-z]{0,3})", re.ASCII)


def parse_duration(words: str) -> timedelta:
    """Read a duration.

    Args:
        words: numbers with units ``ms``, ``s``, ``m``, ``h``, ``d`` or ``w``, largest unit first.

    Raises:
        ValueError: not a duration, with what one looks like.

    Examples:
        >>> parse_duration("1h 30m")
        datetime.timedelta(seconds=5400)
    """
    text = words.strip()
    if len(text) > _LONGEST or not _DURATION.fullmatch(text):
        raise ValueError(
            f'{_quoted(words)} is no duration; write a number with a unit: "30s", "24h", "30d" or "1h 30m"'
        )
    pieces = [(float(number), _SECONDS[unit]) for number, unit in re.findall(_PIECE, text)]
    units = [unit for _, unit in pieces]
    if any(left <= right for left, right in pairwise(units)):
        raise ValueError(f'{_quoted(words)} is no duration; name each unit once, the largest first: "1h 30m"')
    try:
        return timedelta(seconds=sum(number * unit for number, unit in pieces))
    except OverflowError:
        raise ValueError(f"{_quoted(words)} is too long a duration") from None


def parse_size(words: str) -> int:
    """Read a size in bytes.

    Args:
        words: a number, with ``KiB``, ``MiB``, ``GiB``, ``TiB`` (powers of 1,024), ``kB``, ``MB``, ``GB``,
            ``TB`` (powers of 1,000) or ``B``.

    Raises:
        ValueError: not a size, with what one looks like.

    Examples:
        >>> parse_size("64 KiB")
        65536
    """
    match = _SIZE.fullmatch(words.strip())
    factor = _BYTES.get(match[2].lower() or "b") if match else None
    if match is None or factor is None:
        raise ValueError(f'{_quoted(words)} is no size; write a number with a unit: "64 KiB", "500 MB" or "2 GiB"')
    return round(float(match[1].replace("_", "")) * factor)


def format_duration(duration: timedelta) -> str:
    """Write a duration in its two largest units, as ``parse_duration`` reads it.

    Examples:
        >>> format_duration(timedelta(hours=25, seconds=3))
        '1d 1h'
    """
    seconds = duration.total_seconds()
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 1:
        return f"{sign}{round(seconds * 1_000)}ms" if seconds else "0s"
    return sign + " ".join(_pieces(round(seconds))[:2])


def _pieces(seconds: int) -> list[str]:
    found: list[tuple[int, str]] = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, int(_SECONDS[unit]))
        if count or found:
            found.append((count, unit))
    return [f"{count}{unit}" for count, unit in found[:2] if count]


def _quoted(words: str) -> str:
    shown = words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
    return f'"{shown}"'

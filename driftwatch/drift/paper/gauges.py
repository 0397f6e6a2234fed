"""Small pictures of one figure: where it lies against what is usual, and how large a share is against what it was."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftwatch.domain.drift import Measure

_WIDTH, _HEIGHT = "100%", 16


def against_usual(measure: Measure) -> str:
    """Draw a value with its interval over its null band; nothing where no band is known."""
    if measure.null_low is None or measure.null_high is None:
        return ""
    ends = [measure.null_low, measure.null_high, measure.value]
    ends += [end for end in (measure.low, measure.high) if end is not None]
    if not all(map(math.isfinite, ends)):
        return ""
    low, high = min(ends), max(ends)
    width = (high - low) or 1.0

    def at(value: float) -> float:
        return 0.03 + 0.94 * (value - low) / width

    left, right = at(measure.null_low), at(measure.null_high)
    whisker = (
        f'<line class="whisker" x1="{at(measure.low):.2%}" x2="{at(measure.high):.2%}" y1="8" y2="8"/>'
        if measure.low is not None and measure.high is not None
        else ""
    )
    out = "" if measure.null_low <= measure.value <= measure.null_high else " out"
    words = f"usual {measure.null_low:.3g} to {measure.null_high:.3g}"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" style="min-width:7rem" role="img" aria-label="{words}">'
        f"<title>{words}</title>"
        f'<rect class="usual" x="{left:.2%}" y="3" width="{max(right - left, 0.01):.2%}" height="10" rx="2"/>{whisker}'
        f'<circle class="at{out}" cx="{at(measure.value):.2%}" cy="8" r="4.5"/></svg>'
    )


def share_bar(
    share: float,
    before: float,
    *,
    most: float,
    low: float | None = None,
    high: float | None = None,
    kind: str = "",
    fill: str = "",
) -> str:
    """Draw a share as a bar, with a tick where it was in the reference and a whisker for its interval.

    Args:
        share: now.
        before: in the reference.
        most: share that fills the whole width.
        low: lower end of the share's interval.
        high: upper end of it.
        kind: class of the bar.
        fill: colour of the bar; that of its class by default.
    """
    scale = 0.98 / most if most > 0 else 0.0
    paint = f' style="fill:{fill}"' if fill else ""
    whisker = (
        f'<line class="whisker" x1="{min(low * scale, 1):.2%}" x2="{min(high * scale, 1):.2%}" y1="8" y2="8"/>'
        if low is not None and high is not None
        else ""
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" aria-hidden="true">'
        f'<rect class="rail" y="5" width="100%" height="6" rx="3"/>'
        f'<rect class="bar {kind}"{paint} y="5" width="{min(share * scale, 1):.2%}" height="6" rx="3"/>{whisker}'
        f'<line class="was" x1="{min(before * scale, 1):.2%}" x2="{min(before * scale, 1):.2%}" y1="1" y2="15"/></svg>'
    )

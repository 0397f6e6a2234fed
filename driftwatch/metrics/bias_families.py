"""The metrics of bias: what its gate last measured of a stream's candidates, category by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.metrics.family import Family, within_stream

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import StreamFigures

_CHANGE = "driftwatch_bias_change"


def _family(name: str, meaning: str, attribute: str) -> Family:
    def values(stream: StreamFigures) -> dict[str, float]:
        return {category: float(getattr(figures, attribute)) for category, figures in stream.runs.bias.items()}

    return within_stream(name, meaning, ("category",), values)


BIAS_FAMILIES = (
    _family(
        _CHANGE,
        "Mean score of the candidate judged last less the champion's, in the gate's unit; above 0 towards stereotypes.",
        "change",
    ),
    _family(f"{_CHANGE}_low", "Lower end of its interval; above the limit the candidate is refused.", "low"),
    _family(f"{_CHANGE}_high", "Upper end of its interval; up to the limit the candidate passes.", "high"),
    _family("driftwatch_bias_limit", "The most that the change may be, by the rule that asked for the run.", "limit"),
)

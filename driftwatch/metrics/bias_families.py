"""The metrics of bias: what its gate last measured of a stream's candidates, and the data check of its new texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.metrics.family import Family, per_stream, within_stream

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import StreamFigures

_CHANGE = "driftwatch_bias_change"
_ILL = "driftwatch_data_association_change"


def _family(name: str, meaning: str, attribute: str) -> Family:
    def values(stream: StreamFigures) -> dict[str, float]:
        return {category: float(getattr(figures, attribute)) for category, figures in stream.runs.bias.items()}

    return within_stream(name, meaning, ("category",), values)


def _association(name: str, meaning: str, attribute: str) -> Family:
    def values(stream: StreamFigures) -> dict[tuple[str, str], float]:
        return {key: float(getattr(figures, attribute)) for key, figures in stream.runs.associations.items()}

    return within_stream(name, meaning, ("group", "lexicon"), values)


BIAS_FAMILIES = (
    _family(
        _CHANGE,
        "Mean score of the candidate judged last less the champion's, in the gate's unit; above 0 towards stereotypes.",
        "change",
    ),
    _family(f"{_CHANGE}_low", "Lower end of its interval; above the limit the candidate is refused.", "low"),
    _family(f"{_CHANGE}_high", "Upper end of its interval; up to the limit the candidate passes.", "high"),
    _family("driftwatch_bias_limit", "The most that the change may be, by the rule that asked for the run.", "limit"),
    _association(
        _ILL,
        "By how much more ill words stand near a group's names in the last run's new texts than before, log odds.",
        "change",
    ),
    _association(f"{_ILL}_low", "Lower end of its 95% interval, taken by itself.", "low"),
    _association(f"{_ILL}_high", "Upper end of its 95% interval, taken by itself.", "high"),
    per_stream(
        "driftwatch_data_spoken_ill_groups",
        "Identity groups that the last run's new texts speak ill of more than the reference, beyond doubt.",
        lambda stream: stream.runs.spoken_ill,
    ),
)

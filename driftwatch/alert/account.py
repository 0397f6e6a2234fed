"""What a window's result says, as lines of an alert: words and keywords, never a text as it came in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from driftwatch.alert.wording import moment, sentence
from driftwatch.domain.drift import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from driftwatch.domain.drift import ClusterShift, Measure, WindowResult

_MOST_WORDS, _MOST_CLUSTERS, _MOST_KEYWORDS, _MOST_SLICES, _LONGEST = 8, 4, 5, 3, 40
_CHANGES = {Change.NEW: "new", Change.GROWN: "grown", Change.SHRUNK: "shrunk"}


def account(result: WindowResult) -> Iterator[str]:
    """Return a line each: the state, since when, how much, who is affected, which topics, and how the model fares."""
    if result.state is not None:
        yield f"state: {result.state_told}"
    if result.onset is not None:
        began = moment(result.onset.seen_at)
        yield f"changed: since about {began}, {result.onset.texts:,} texts before the end of this window"
    if (share := result.value("drift.new_share")) is not None:
        yield f"new: at least {share:.1%} of the texts are not explained by the reference"
    if result.slices:
        yield f"who: {'; '.join(_slices(result))}"
    for change, word in _CHANGES.items():
        if found := [each for each in result.clusters if each.change is change][:_MOST_CLUSTERS]:
            yield f"{word} topics: {'; '.join(_topic(each) for each in found)}"
    if (increase := _measure(result, "loss.increase")) is not None:
        yield f"model: loss {increase.value:+.3f} {result.loss_unit} against the reference's ({_fares(increase)})"
    if (evidence := result.value("drift.evidence")) is not None and math.isfinite(evidence):
        yield f"evidence: 10^{evidence:.1f} times what an alarm takes, at its highest in this window"
    yield f"window: {moment(result.first_seen_at)} to {moment(result.last_seen_at)}"


def words(result: WindowResult) -> Iterator[str]:
    """Return a sentence each: the words that rose and those that fell, with their shares."""
    risen = [word for word in result.words if word.z > 0][:_MOST_WORDS]
    fallen = [word for word in result.words if word.z < 0][:_MOST_WORDS]
    for title, moved in (("Words that rose", risen), ("Words that fell", fallen)):
        if moved:
            shown = ", ".join(f"{_plain(w.word)} ({w.reference_share:.1%} → {w.share:.1%})" for w in moved)
            yield sentence(f"{title}: {shown}")


def _slices(result: WindowResult) -> Iterable[str]:
    for each in result.slices[:_MOST_SLICES]:
        carried = f"{_plain(each.label)} = {_plain(each.value)} ({each.share:.0%} of the texts"
        yield f"{carried}, at least {each.new_share:.0%} of those new)"


def _topic(cluster: ClusterShift) -> str:
    named = ", ".join(_plain(word) for word in cluster.keywords[:_MOST_KEYWORDS]) or "no word of its own"
    return (
        f"{named} ({cluster.share:.1%} [{cluster.low:.1%}, {cluster.high:.1%}] of the texts, "
        f"{cluster.reference_share:.1%} of the reference)"
    )


def _fares(increase: Measure) -> str:
    if increase.low is not None and increase.high is not None and increase.low <= 0 <= increase.high:
        return "it cannot be told from the reference's"
    return "the model does worse on these texts" if increase.value > 0 else "the model does not suffer"


def _measure(result: WindowResult, name: str) -> Measure | None:
    return next((measure for measure in result.measures if measure.name == name), None)


def _plain(word: str) -> str:
    """Return a word on one line and short, whatever it holds."""
    line = " ".join(word.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"

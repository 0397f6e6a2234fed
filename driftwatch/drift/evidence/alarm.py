"""An alarm: raised, in force for a while, renewed or over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from driftwatch.domain.drift import ChannelEvidence, Onset

_PATIENCE = 3
_LEAST_QUIET = 1_000
_WINDOWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm in force.

    Args:
        raised: number of the window in which it was first raised.
        onset: estimated begin of the drift.
        channels: that carried the evidence when it was last raised.
        quiet: texts since it was last raised.
        patience: quiet texts after which it is over.
    """

    raised: int
    onset: Onset
    channels: tuple[ChannelEvidence, ...]
    quiet: int
    patience: int

    @property
    def over(self) -> bool:
        """Whether the text has been quiet for long enough."""
        return self.quiet > self.patience

    def waited(self, texts: int) -> Alarm:
        """Return it after so many texts without evidence."""
        return replace(self, quiet=self.quiet + texts, onset=replace(self.onset, texts=self.onset.texts + texts))

    def age(self, now: datetime) -> float:
        """Return the seconds from onset to a moment."""
        return max((now - self.onset.seen_at).total_seconds(), 0.0)


def raised(
    before: Alarm | None,
    *,
    window: int,
    texts: int,
    delay: int,
    onset: Onset,
    channels: tuple[ChannelEvidence, ...],
) -> Alarm:
    """Return the alarm in force after evidence reached its threshold: a new one, or the old one renewed.

    It stays in force until three times as many texts as it took to raise it have passed without being raised again
    (at least 1,000 texts and two windows): a weak drift that needs 800 texts to be seen again is not taken for over.

    Args:
        before: the alarm in force until now.
        window: number of the present window.
        texts: in the window.
        delay: texts from onset to alarm.
        onset: estimated begin of the drift.
        channels: that carry the evidence.
    """
    patience = max(_PATIENCE * delay, _LEAST_QUIET, _WINDOWS * texts)
    if before is None:
        return Alarm(raised=window, onset=onset, channels=channels, quiet=0, patience=patience)
    return Alarm(
        raised=before.raised,
        onset=replace(before.onset, texts=before.onset.texts + texts),
        channels=channels,
        quiet=0,
        patience=max(before.patience, patience),
    )

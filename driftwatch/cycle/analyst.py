"""Who assesses windows, and what is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from driftwatch.domain.analysis import Analysis, AnalysisRequest
from driftwatch.domain.budget import rate_of_times, rate_of_windows, usual_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.analysis import Rival
    from driftwatch.domain.budget import Budget
    from driftwatch.domain.text import StoredText
    from driftwatch.store import Champion, Position, ReferenceRow, Store

_RATE_WINDOWS = 100


class Analyst(Protocol):
    """Whoever assesses windows: the daemon's worker."""

    @property
    def stopped(self) -> bool:
        """Whether it was ended on purpose, so that its end is nobody's fault."""
        ...

    def assess(self, request: AnalysisRequest) -> Analysis:
        """Assess one window.

        Raises:
            WorkerError: it died on the way; the texts may be to blame.
            DriftwatchError: it cannot, until somebody cures the cause.
        """
        ...


def asked_of(
    store: Store,
    texts: Sequence[StoredText],
    *,
    stream: str,
    position: Position,
    reference: ReferenceRow,
    champion: Champion | None,
    rival: Rival | None,
    budget: Budget,
) -> AnalysisRequest:
    """Return what an analyst is asked of a window.

    Args:
        store: with what the monitors remember, and what feedback tells.
        texts: of the window.
        stream: theirs.
        position: which window.
        reference: in force.
        champion: that serves.
        rival: the model that the champion is compared with in its probation.
        budget: of false alarms.
    """
    return AnalysisRequest(
        stream=stream,
        index=position.index,
        texts=tuple(texts),
        reference=reference.path,
        champion=champion.path if champion else None,
        champion_version=champion.version if champion else None,
        states=store.windows.monitor_states(stream, reference=reference.version),
        arl_texts=budget.arl_texts(_rate(store, stream, texts)),
        targets=_named_classes(store, stream, texts),
        rival=rival,
    )


def _rate(store: Store, stream: str, texts: Sequence[StoredText]) -> float:
    """Return how many texts came in a second, over the last windows and the present one."""
    before = store.windows.recent(stream, limit=_RATE_WINDOWS)
    times = [stored.text.seen_at for stored in texts]
    ends = [(result.last_seen_at, result.texts) for result in before]
    return rate_of_windows([*ends, (usual_end(times), len(times))]) or rate_of_times(times)


def _named_classes(store: Store, stream: str, texts: Sequence[StoredText]) -> dict[str, str]:
    """Return the right classes that feedback names without saying whether the model gave them, by text id."""
    said = store.feedback.between(stream, first_seq=texts[0].seq, last_seq=texts[-1].seq)
    return {each.text: each.target for each in said if each.score is None and each.target is not None}

"""A stream's runs and models as they were, or as they would have been: what the facts of a decision come from."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from driftwatch.domain.decision import RunFact
from driftwatch.policy.variables import LONGEST_PERIOD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.policy.replay.runs import Fate
    from driftwatch.policy.variables import Facts


_INSTANT = timedelta(microseconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldRun:
    """A run in a world.

    Args:
        rule: that asked for it.
        began_at: when.
        ends_at: when it ends; None where that is not known.
        hours: of training in all.
        promoted_at: when its candidate becomes champion; None where it does not.
        real: whether it was.
    """

    rule: str
    began_at: datetime
    ends_at: datetime | None
    hours: float
    promoted_at: datetime | None = None
    real: bool = True

    def fact(self, now: datetime) -> RunFact:
        """Return what limits know of it at a moment; its hours come evenly over its time."""
        ended = self.ends_at is not None and self.ends_at <= now
        share = 1.0
        if not ended and self.ends_at is not None and self.ends_at > self.began_at:
            share = (now - self.began_at) / (self.ends_at - self.began_at)
        return RunFact(
            rule=self.rule,
            began_at=self.began_at,
            ended_at=self.ends_at if ended else None,
            training_hours=self.hours * share,
        )


@dataclass(slots=True, kw_only=True)
class World:
    """What happens to a stream beside its windows.

    Args:
        runs: oldest first; those of the future are in it, and not looked at before their time.
        champions: moments at which the serving model changed, in order.
        references: moments at which the reference changed, in order.
    """

    runs: list[WorldRun] = field(default_factory=list)
    champions: list[datetime] = field(default_factory=list)
    references: list[datetime] = field(default_factory=list)
    _scene: _Scene | None = field(default=None, init=False, repr=False)

    def begin(self, rule: str, at: datetime, fate: Fate) -> None:
        """Let a run begin that was never asked for."""
        promoted = at + fate.promoted_after if fate.promoted_after is not None else None
        run = WorldRun(
            rule=rule, began_at=at, ends_at=at + fate.lasts, hours=fate.hours or 0.0, promoted_at=promoted, real=False
        )
        self._scene = None
        self.runs.append(run)
        if promoted is not None:
            insort(self.champions, promoted)
            insort(self.references, promoted)

    def forget_after(self, at: datetime, kept: Sequence[WorldRun]) -> None:
        """Leave what really happened at a moment: runs that had begun go on, later ones never are, but for those kept.

        Args:
            at: the moment from which on other things happen.
            kept: runs after it that happen all the same.
        """
        self.runs = sorted([*(run for run in self.runs if run.began_at < at), *kept], key=lambda run: run.began_at)
        self._scene = None
        promoted = [run.promoted_at for run in self.runs if run.promoted_at is not None and run.promoted_at >= at]
        self.champions = sorted([*(moment for moment in self.champions if moment < at), *promoted])
        self.references = sorted([*(moment for moment in self.references if moment < at), *promoted])

    def facts(self, known: Facts, now: datetime) -> Facts:
        """Return the facts at a moment: those known, with this world's runs and ages in place of theirs."""
        scene = self._scene
        if scene is None or not scene.since <= now < scene.until:
            self._scene = scene = self._look(now)
        return replace(
            known,
            runs=(*scene.runs, *(run.fact(now) for run in scene.under_way)),
            champion_at=scene.champion_at or known.champion_at,
            reference_at=scene.reference_at or known.reference_at,
        )

    def _look(self, now: datetime) -> _Scene:
        """Return what stays as it is around a moment, until the next thing happens."""
        # A decision comes before the run that it asks for, also where both have the moment of one transaction.
        begun = [run for run in self.runs if run.began_at < now]
        ended = [run for run in begun if run.ends_at is not None and run.ends_at <= now]
        last = max((run.ends_at for run in ended if run.ends_at is not None), default=None)
        near = [run for run in ended if run.ends_at == last or (run.ends_at or now) >= now - LONGEST_PERIOD]
        moments = [*self.champions, *self.references, *(run.began_at + _INSTANT for run in self.runs)]
        moments += [run.ends_at for run in begun if run.ends_at is not None]
        moments += [run.ends_at + LONGEST_PERIOD + _INSTANT for run in near if run.ends_at is not None]
        return _Scene(
            since=max((moment for moment in moments if moment <= now), default=_FIRST),
            until=min((moment for moment in moments if moment > now), default=_LAST),
            runs=tuple(run.fact(now) for run in near),
            under_way=tuple(run for run in begun if run.ends_at is None or run.ends_at > now),
            champion_at=_latest(self.champions, now),
            reference_at=_latest(self.references, now),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What a world looks like between two things that happen."""

    since: datetime
    until: datetime
    runs: tuple[RunFact, ...]
    under_way: tuple[WorldRun, ...]
    champion_at: datetime | None
    reference_at: datetime | None


def _latest(moments: Sequence[datetime], now: datetime) -> datetime | None:
    return next((moment for moment in reversed(moments) if moment <= now), None)

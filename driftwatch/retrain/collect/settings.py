"""What may come into a training mix, and how much of it from one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectSettings:
    """Limits on the fresh texts of a run; a share is of the fresh texts that the run can use.

    Args:
        near: texts whose runs of five characters overlap this much (Jaccard, 0 to 1) are near duplicates: one stays.
        group_share: most that may come from one group …
        group_most: … and never more texts than this …
        group_least: … though a group may always give this many.
        source_share: most that may come from one source; 1 for no limit, as for a stream with one source.
        source_most: most texts of one source; None for no limit.
        alike: texts that overlap this much are of one cluster, directly or through others.
        phrase: texts that share a run of so many words are of one cluster too, unless the reference knows the phrase.
        meanings: whether texts that mean much the same are looked at as clusters too, and flagged where they are new
            and look coordinated.
        cluster_share: most that may come from one cluster …
        cluster_most: … and never more texts than this …
        cluster_least: … though a cluster may always give this many.
        canaries: texts of a flagged cluster that are held out to see whether it was learnt all the same.
        trimmed: greatest share of texts that a limit on length, characters or loss may leave out. Where more lie
            beyond it they are a kind of text, not outliers, and stay.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    near: float = 0.7
    group_share: float = 0.05
    group_most: int = 200
    group_least: int = 20
    source_share: float = 1.0
    source_most: int | None = None
    alike: float = 0.6
    phrase: int = 5
    meanings: bool = True
    cluster_share: float = 0.0025
    cluster_most: int = 100
    cluster_least: int = 10
    canaries: int = 20
    trimmed: float = 0.02

    def __post_init__(self) -> None:
        for name in ("near", "group_share", "source_share", "alike", "cluster_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie above 0 and at most at 1")
        for name in ("group_most", "group_least", "cluster_most", "cluster_least"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1 text")
        for kind in ("group", "cluster"):
            if getattr(self, f"{kind}_least") > getattr(self, f"{kind}_most"):
                raise ValueError(f"{kind}_least must not be above {kind}_most")
        self._check_rest()

    def _check_rest(self) -> None:
        if self.source_most is not None and self.source_most < 1:
            raise ValueError("source_most must be at least 1 text")
        if self.alike > self.near:
            raise ValueError("alike must not be above near: near duplicates are alike")
        if self.phrase < _LEAST_PHRASE:
            raise ValueError("phrase must be at least 3 words: shorter ones are in most texts")
        if self.canaries < 0:
            raise ValueError("canaries must be at least 0")
        if not 0 <= self.trimmed <= _MOST_TRIMMED:
            raise ValueError("trimmed must lie between 0 and 0.1: what is more is no outlier")


_LEAST_PHRASE = 3
_MOST_TRIMMED = 0.1

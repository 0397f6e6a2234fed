"""Counts for the card: what came in, what is used, and what was flagged."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.errors import RunError
from driftwatch.retrain.collect.card import Caps, Flagged, Share
from driftwatch.retrain.collect.clusters import MEASURED, measured_first
from driftwatch.retrain.collect.fate import Fate
from driftwatch.retrain.collect.phrases import phrase_in
from driftwatch.retrain.collect.prints import labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from driftwatch.domain.text import Text
    from driftwatch.retrain.collect.clusters import Cluster
    from driftwatch.retrain.collect.draft import Draft
    from driftwatch.retrain.collect.settings import CollectSettings
    from driftwatch.retrain.collect.spool import Spool

Rows = npt.NDArray[np.int64]

_GROUPS, _SOURCES, _LABELS, _EXEMPLARS = 10, 100, 20, 3
_LENGTH = 160


class Account:
    """Tells about a finished choice of fresh texts.

    Args:
        drafted: the choice.
        found: clusters that had too much.
        settings: in force.
        cluster_cap: most texts of one cluster.
    """

    def __init__(
        self, drafted: Draft, found: Sequence[Cluster], settings: CollectSettings, *, cluster_cap: int
    ) -> None:
        self._drafted = drafted
        self._found = measured_first(found)
        self._settings = settings
        self._cluster_cap = cluster_cap
        self._used_labels: Counter[str] = Counter()

    def left_out(self) -> dict[str, int]:
        """Return how many texts were left out for each reason."""
        counts = np.bincount(self._drafted.fate, minlength=len(Fate))
        return {fate.reason: int(counts[fate]) for fate in Fate if fate is not Fate.IN and counts[fate]}

    def groups(self) -> int:
        """Return how many groups the texts used come from."""
        return len(np.unique(self._drafted.prints.group[self._used()]))

    def caps(self) -> Caps:
        """Return the caps in force."""
        return Caps(group=self._drafted.group_cap, source=self._drafted.source_cap, cluster=self._cluster_cap)

    def largest_groups(self) -> tuple[Share, ...]:
        """Return the groups with most texts, by digests."""
        group = self._drafted.prints.group
        names, came = np.unique(group[group % 2 == 1], return_counts=True)
        most = np.lexsort((names, -came))[:_GROUPS]
        used = Counter(group[self._used()].tolist())
        return tuple(
            Share(name=f"{name:016x}"[:8], came=count, used=used[name])
            for name, count in zip(names[most].tolist(), came[most].tolist(), strict=True)
        )

    def sources(self) -> tuple[Share, ...]:
        """Return the sources with their texts."""
        prints = self._drafted.prints
        came = np.bincount(prints.source, minlength=len(prints.sources)).tolist()
        used = np.bincount(prints.source[self._used()], minlength=len(prints.sources)).tolist()
        shares = (Share(name=n, came=c, used=u) for n, c, u in zip(prints.sources, came, used, strict=True))
        return tuple(sorted(shares, key=_largest)[:_SOURCES])

    def counted(self, texts: Iterable[Text]) -> Iterator[Text]:
        """Pass on texts that are used, counting their labels."""
        for text in texts:
            self._used_labels.update(labels_of(text))
            yield text

    def labels(self) -> tuple[Share, ...]:
        """Return the label values with most texts; every used text must have been counted before."""
        came = self._drafted.prints.labels
        shares = (Share(name=name, came=count, used=self._used_labels[name]) for name, count in came.items())
        return tuple(sorted(shares, key=_largest)[:_LABELS])

    def canaries(self) -> Rows:
        """Return the rows held out of each flagged cluster, cluster after cluster as on the card."""
        parts = [self._canaries_of(cluster) for cluster in self._found[:MEASURED]]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    def _canaries_of(self, cluster: Cluster) -> Rows:
        return cluster.beyond[: self._settings.canaries]

    def clusters(self, texts: Spool) -> tuple[Flagged, ...]:
        """Return the flagged clusters, largest first."""
        return tuple(self._flagged(cluster, texts) for cluster in self._found[:MEASURED])

    def _flagged(self, cluster: Cluster, texts: Spool) -> Flagged:
        prints = self._drafted.prints
        bodies = [text.body for text in texts.read(cluster.beyond[:_EXEMPLARS].tolist())]
        wanted, length = set(cluster.phrases), self._settings.phrase
        phrase = phrase_in(bodies[0], wanted, length=length) if wanted else ""
        used = cluster.members[self._drafted.fate[cluster.members] == Fate.IN]
        return Flagged(
            kind=cluster.kind,
            texts=len(cluster.members),
            used=len(used),
            canaries=len(self._canaries_of(cluster)),
            groups=len(np.unique(prints.group[cluster.members])),
            sources=len(np.unique(prints.source[cluster.members])),
            phrase=_shortened(phrase),
            exemplars=tuple(map(_shortened, bodies)),
            signs=cluster.signs,
            trained=tuple(text.id for text in texts.read(used.tolist())),
        )

    def too_few(self, least: int) -> RunError:
        """Return what to raise when too little is left."""
        reasons = ", ".join(f"{n:,} {why}" for why, n in self.left_out().items()) or "nothing left out"
        cures = ["let the rule wait for more with need.fresh_texts"]
        if self._found:
            largest = self._found[0]
            cures.append(
                f"{len(largest.members):,} texts are of one cluster: if that is how this stream's texts are, "
                "raise cluster_share in its collect settings"
            )
        return RunError(
            f"only {len(self._used()):,} distinct fresh texts of {len(self._drafted.prints):,} can be used and {least} "
            f"are needed ({reasons})",
            cure="; ".join(cures),
        )

    def _used(self) -> Rows:
        return np.flatnonzero(self._drafted.fate == Fate.IN)


def _largest(share: Share) -> tuple[int, str]:
    return -share.came, share.name


def _shortened(body: str) -> str:
    text = " ".join(body.split())
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"

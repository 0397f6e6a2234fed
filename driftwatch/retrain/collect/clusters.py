"""Poisoning: texts of one cluster, however many groups they come from, may give only so many.

A cluster is found in three ways: texts that overlap, texts that share a run of words which the reference does not
know, and texts that mean much the same (``meanings``). What goes beyond the cap is left out, some of it held out as
canaries. No text of a flagged cluster judges the candidate, and none of a cluster without canaries is trained on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.alike import clusters, components
from driftwatch.retrain.collect.caps import nth_of_its_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.retrain.collect.card import Sign
    from driftwatch.retrain.collect.phrases import Hits

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """A cluster with more texts than it may give.

    Args:
        kind: how it was found.
        members: its texts, in the order of choice.
        beyond: those of them left out.
        phrases: hashes of the runs of words shared.
        signs: of coordination, for a cluster by meaning.
    """

    kind: Literal["alike", "phrase", "meaning"]
    members: Rows
    beyond: Rows
    phrases: frozenset[int] = frozenset()
    signs: tuple[Sign, ...] = ()

    def at(self, rows: Rows) -> Cluster:
        """Return the cluster with the rows at its places."""
        return replace(self, members=rows[self.members], beyond=rows[self.beyond])

    def measurable(self, canaries: int) -> Cluster:
        """Return the cluster with so many texts left out at least: fewer could not tell whether it was learnt."""
        kept = self.members[~np.isin(self.members, self.beyond)]
        short = max(canaries - len(self.beyond), 0)
        return replace(self, beyond=np.concatenate([self.beyond, kept[len(kept) - min(short, len(kept)) :]]))


def measured_first(found: Sequence[Cluster]) -> list[Cluster]:
    """Return the clusters in the order of the card, which lists the first ``MEASURED``: the largest first."""
    return sorted(found, key=lambda each: (-len(each.members), each.members[0]))


MEASURED = 20
"""Flagged clusters of which canaries are held out."""


def alike_clusters(signatures: npt.NDArray[np.uint32], *, least: float, cap: int) -> list[Cluster]:
    """Return the clusters of texts that overlap and are too large.

    Args:
        signatures: uint32 [n, 64], in the order of choice.
        least: overlap from which two texts are linked.
        cap: most texts of one cluster.
    """
    label = clusters(signatures, least=least)
    nth = nth_of_its_place(label)
    found = []
    for each in np.unique(label[nth >= cap]):
        members = np.flatnonzero(label == each)
        found.append(Cluster("alike", members, members[nth[members] >= cap]))
    return found


def phrase_clusters(hits: Hits, count: int) -> list[Cluster]:
    """Return the clusters of texts that share too common a phrase.

    Taken in order, a text is within the cap while each of its phrases has been in fewer texts than may have it.

    Args:
        hits: texts, by their place in the order of choice, with their phrases.
        count: texts there are.
    """
    phrases, which = np.unique(hits.phrases, return_inverse=True)
    beyond = np.zeros(count, dtype=bool)
    beyond[_beyond(hits, which)] = True
    label = components(hits.texts, count + which, count + len(phrases))
    found = []
    for each in np.unique(label[hits.texts]):
        members = np.flatnonzero(label[:count] == each)
        shared = phrases[label[count:] == each]
        found.append(Cluster("phrase", members, members[beyond[members]], frozenset(shared.tolist())))
    return [cluster for cluster in found if len(cluster.beyond)]


def _beyond(hits: Hits, which: Rows) -> list[int]:
    """Return the texts whose phrases were all used up before it was their turn."""
    beyond: list[int] = []
    used: Counter[int] = Counter()
    order = np.argsort(hits.texts, kind="stable")
    texts, starts = np.unique(hits.texts[order], return_index=True)
    for text, rows in zip(texts.tolist(), np.split(order, starts[1:]), strict=False):
        mine = which[rows].tolist()
        if any(used[phrase] >= allowed for phrase, allowed in zip(mine, hits.allowed[rows].tolist(), strict=True)):
            beyond.append(text)
        else:
            used.update(mine)
    return beyond

"""Collect: from the stored texts to a mix that can be trained on and judged by without cheating.

Constant memory: the fresh texts are read twice, first for fingerprints of fixed size, then for those drafted, which go
to disk. The same texts, recipe and seed give the same mix, whatever order the texts come in: every choice is by hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.collect.account import Account
from driftwatch.retrain.collect.canaries import FEWEST
from driftwatch.retrain.collect.card import DataCard
from driftwatch.retrain.collect.checks import Checks, refuse_many_without_loss
from driftwatch.retrain.collect.clusters import MEASURED, alike_clusters, measured_first, phrase_clusters
from driftwatch.retrain.collect.draft import Draft, draft
from driftwatch.retrain.collect.fate import Fate
from driftwatch.retrain.collect.hashing import hashed
from driftwatch.retrain.collect.known import Known, read_known
from driftwatch.retrain.collect.meanings import MOST_REFERENCE, Meanings, embedded, meaning_clusters
from driftwatch.retrain.collect.mix import COUNTERFACTUAL, load_card, seal, write_part
from driftwatch.retrain.collect.outliers import LOSS
from driftwatch.retrain.collect.phrases import PhraseCounts, PhraseSearch
from driftwatch.retrain.collect.prints import fingerprints, identity_of, in_batches
from driftwatch.retrain.collect.settings import CollectSettings
from driftwatch.retrain.collect.split import Side, split
from driftwatch.retrain.collect.spool import Spool
from driftwatch.retrain.fairness.check import data_check
from driftwatch.retrain.fairness.mitigate import Mitigation
from driftwatch.retrain.fairness.page import summary
from driftwatch.retrain.folders import written_aside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text
    from driftwatch.retrain.collect.clusters import Cluster
    from driftwatch.retrain.fairness.result import DataCheck

log = structlog.get_logger()

Rows = npt.NDArray[np.int64]
Texts = Callable[[], Iterable["Text"]]
"""Gives the texts anew, in any order, each time that it is called."""

LEAST_FRESH = 100
"""Fewest distinct fresh texts a run starts with."""


def collect(
    fresh: Texts,
    old: Texts,
    recipe: Recipe,
    *,
    into: Path,
    seed: int,
    settings: CollectSettings | None = None,
    checks: Checks | None = None,
) -> DataCard:
    """Clean, cap, split and mix into a folder, which appears whole or not at all; one that is there stays.

    Args:
        fresh: texts since the onset; asked for twice.
        old: texts the champion should still know, nine in ten of which may be replayed; asked for once.
        recipe: says how much of what.
        into: folder of the mix.
        seed: of every choice, but for which reference texts are held out: those stay so from run to run.
        settings: limits; the defaults where None.
        checks: of single texts; none where None.

    Raises:
        RunError: too few distinct fresh texts, or too few groups to hold some of them out; or (retryable) a full disk.
    """
    if into.exists():
        return load_card(into)
    _check(recipe)
    try:
        with written_aside(into) as aside, Spool(aside / ".old") as old_texts, Spool(aside / ".fresh") as fresh_texts:
            choice = _Collecting(
                recipe, settings or CollectSettings(), checks or Checks(), seed, old_texts, fresh_texts
            )
            card = choice.into(aside, fresh, old)
            old_texts.close()
            fresh_texts.close()
            seal(aside, card)
    except OSError as error:
        raise RunError(
            f"the run's training data cannot be written: {error.strerror}",
            where=str(into),
            cure="make room on the disk of state_dir; the run collects again by itself",
            retryable=True,
        ) from error
    return card


def _check(recipe: Recipe) -> None:
    if not 0 <= recipe.replay < 1:
        raise RunError(f"a recipe cannot replay a share of {recipe.replay}", cure="set replay from 0 to below 1")
    if not 0 < recipe.heldout < 1:
        raise RunError(f"a recipe cannot hold out a share of {recipe.heldout}", cure="set heldout between 0 and 1")


class _Collecting:
    """One collection, step by step."""

    def __init__(
        self, recipe: Recipe, settings: CollectSettings, checks: Checks, seed: int, old: Spool, fresh: Spool
    ) -> None:
        self._recipe = recipe
        self._settings = settings
        self._checks = checks
        self._seed = seed
        self._salt = np.uint64(hashed(f"{seed}"))
        self._old = old
        self._fresh = fresh

    def into(self, folder: Path, fresh: Texts, old: Texts) -> DataCard:
        """Write every part and the card."""
        room = self._recipe.max_texts
        known = read_known(old(), self._old, salt=self._salt, phrase=self._settings.phrase)
        drafted = draft(fingerprints(fresh()), known, self._settings, room=room, salt=self._salt)
        self._keep(drafted, fresh())
        phrases = self._score(drafted)
        found = self._cap_clusters(drafted, known, phrases)
        drafted.cap(self._settings, room=room)
        account = Account(drafted, found, self._settings, cluster_cap=self._cluster_cap(phrases.texts))
        rows = drafted.alive()
        if len(rows) < LEAST_FRESH:
            raise account.too_few(LEAST_FRESH)
        sides = self._split(drafted, rows, found)
        identity = self._identity(rows, known)
        mitigation = self._mitigate(drafted, rows[sides == Side.TRAIN], identity)
        rows, sides = self._staying(drafted, rows, sides)
        replay, wanted = self._replay(drafted, rows, sides, known)
        canaries = account.canaries()
        for side, part in ((Side.TRAIN, "fresh"), (Side.SELECT, "select"), (Side.JUDGE, "judge")):
            write_part(folder, part, account.counted(self._fresh.read(rows[sides == side].tolist())))
        copies = mitigation.copies(self._fresh.read(rows[sides == Side.TRAIN].tolist())) if mitigation else ()
        copied = write_part(folder, COUNTERFACTUAL, copies)
        write_part(folder, "canaries", self._fresh.read(canaries.tolist()))
        write_part(folder, "replay", self._old.read(replay.tolist()))
        write_part(folder, "remembered", self._old.read(known.remembered.tolist()))
        return DataCard(
            seed=self._seed,
            train=int((sides == Side.TRAIN).sum()),
            select=int((sides == Side.SELECT).sum()),
            judge=int((sides == Side.JUDGE).sum()),
            reference=len(known.prints),
            replay=len(replay),
            replay_wanted=wanted,
            remembered=len(known.remembered),
            notes=self._notes(known, short=wanted - len(replay)),
            canaries=len(canaries),
            fresh=len(drafted.prints),
            left_out=account.left_out(),
            groups=account.groups(),
            group_cap=drafted.group_cap,
            since=drafted.prints.since,
            until=drafted.prints.until,
            caps=account.caps(),
            limits=tuple(drafted.limits),
            largest_groups=account.largest_groups(),
            sources=account.sources(),
            labels=account.labels(),
            clusters=account.clusters(self._fresh),
            identity=identity,
            mitigated=mitigation.told if mitigation else (),
            counterfactual=copied,
        )

    def _identity(self, rows: Rows, known: Known) -> DataCheck | None:
        """Say how the texts used speak of identity groups, against the reference."""
        if self._checks.identity is None:
            return None
        reference = np.concatenate([known.remembered, known.replayable])
        found = data_check(self._fresh.read(rows.tolist()), self._old.read(reference.tolist()), self._checks.identity)
        log.info("identity_groups", found=summary(found))
        return found

    def _mitigate(self, drafted: Draft, train: Rows, identity: DataCheck | None) -> Mitigation | None:
        """Leave out training texts that speak ill of a group, where the recipe says so."""
        if identity is None or self._checks.identity is None:
            return None
        groups = self._checks.identity.groups
        mitigation = Mitigation(identity, groups, self._recipe.mitigate, seed=self._seed)
        drafted.drop(train[mitigation.left_out(self._fresh.read(train.tolist()))], Fate.WEIGHT)
        return mitigation

    @staticmethod
    def _staying(drafted: Draft, rows: Rows, sides: npt.NDArray[np.int8]) -> tuple[Rows, npt.NDArray[np.int8]]:
        stays = drafted.fate[rows] == Fate.IN
        return rows[stays], sides[stays]

    def _replay(self, drafted: Draft, rows: Rows, sides: npt.NDArray[np.int8], known: Known) -> tuple[Rows, int]:
        """Return the reference rows to train on again, and how many are wanted."""
        train = int((sides == Side.TRAIN).sum())
        wanted = round(train * self._recipe.replay / (1 - self._recipe.replay))
        return known.replay(drafted.prints.signature[rows], wanted=wanted, least=self._settings.near), wanted

    def _notes(self, known: Known, *, short: int) -> tuple[str, ...]:
        said = {
            "The champion's loss on single texts was not looked at.": self._checks.losses is None,
            "No check for personal data was made.": self._checks.private is None,
            "Nobody looked at how identity groups are spoken of.": self._checks.identity is None,
            "No clusters were looked for by what texts mean.": self._checks.embed is None
            or not self._settings.meanings,
            "No reference text is held out: what the model forgets cannot be judged.": not len(known.remembered),
            f"{short:,} texts fewer are replayed than the recipe asks for: the reference has no more.": short > 0,
        }
        return tuple(words for words, holds in said.items() if holds)

    def _keep(self, drafted: Draft, fresh: Iterable[Text]) -> None:
        """Put the drafted texts on disk but for those with personal data; some may be gone from the store by now."""
        rows = drafted.alive()
        wanted = dict(zip(drafted.prints.identity[rows].tolist(), rows.tolist(), strict=True))
        drafted.drop(rows, Fate.GONE)
        for text in fresh:
            row = wanted.pop(identity_of(text), None)
            if row is None:
                continue
            if self._checks.is_private(text):
                drafted.fate[row] = Fate.PERSONAL_DATA
            else:
                self._fresh.add(row, text)
                drafted.fate[row] = Fate.IN

    def _score(self, drafted: Draft) -> PhraseCounts:
        """Leave out the champion's absurd losses, and count phrases."""
        rows, phrases = drafted.alive(), PhraseCounts()
        losses = np.zeros(len(rows))
        for start, bodies in self._bodies(rows):
            losses[start : start + len(bodies)] = self._checks.loss_per_token(bodies)
            phrases.add(bodies, length=self._settings.phrase)
        if self._checks.losses is not None:
            silent = np.isnan(losses)
            refuse_many_without_loss(int(silent.sum()), len(rows), most=self._settings.trimmed)
            drafted.drop(rows[silent], Fate.NO_LOSS)
            drafted.trim(rows[~silent], losses[~silent], LOSS, Fate.LOSS, most=self._settings.trimmed)
        return phrases

    def _bodies(self, rows: Rows) -> Iterator[tuple[int, list[str]]]:
        start = 0
        for batch in in_batches(self._fresh.read(rows.tolist())):
            yield start, [text.body for text in batch]
            start += len(batch)

    def _cap_clusters(self, drafted: Draft, known: Known, phrases: PhraseCounts) -> list[Cluster]:
        """Leave out what goes beyond the cap of clusters, and return those that had too much, by rows."""
        cap = self._cluster_cap(phrases.texts)
        rows = drafted.alive()
        alike = alike_clusters(drafted.prints.signature[rows], least=self._settings.alike, cap=cap)
        found = self._hold(drafted, [each.at(rows) for each in alike])
        rows = drafted.alive()
        search = PhraseSearch(phrases, known.phrases, length=self._settings.phrase, cap=cap)
        for start, bodies in self._bodies(rows):
            search.read(np.arange(start, start + len(bodies)), bodies)
        sharing = self._hold(drafted, [each.at(rows) for each in phrase_clusters(search.hits(), len(rows))])
        meant = self._cap_meanings(drafted, known, cap=cap)
        found = [*found, *sharing, *meant]
        if self._settings.canaries:
            for cluster in measured_first(found)[MEASURED:]:
                drafted.drop(cluster.members, Fate.CLUSTER_CAP)
        return found

    def _hold(self, drafted: Draft, found: list[Cluster]) -> list[Cluster]:
        """Leave out what is beyond the cap of each cluster, and as many texts as it takes to measure the cluster."""
        held = [each.measurable(min(self._settings.canaries, FEWEST)) for each in found]
        for cluster in held:
            drafted.drop(cluster.beyond, Fate.CLUSTER_CAP)
        return held

    def _cap_meanings(self, drafted: Draft, known: Known, *, cap: int) -> list[Cluster]:
        """Leave out what goes beyond the cap of clusters of texts that mean much the same and look coordinated."""
        if self._checks.embed is None or not self._settings.meanings:
            return []
        rows = drafted.alive()
        old = [*known.remembered.tolist(), *known.replayable.tolist()][:MOST_REFERENCE]
        reference, _ = embedded(self._old.read(old), self._checks.embed)
        values, seen = embedded(self._fresh.read(rows.tolist()), self._checks.embed)
        fresh = Meanings(values=values, group=drafted.prints.group[rows], seen=seen)
        found, limit = meaning_clusters(fresh, reference, cap=cap, seed=self._seed)
        drafted.limits.extend([limit] if limit is not None else [])
        return self._hold(drafted, [each.at(rows) for each in found])

    def _cluster_cap(self, count: int) -> int:
        cap = int(self._settings.cluster_share * min(count, self._recipe.max_texts))
        return max(self._settings.cluster_least, min(cap, self._settings.cluster_most))

    def _split(self, drafted: Draft, rows: Rows, found: list[Cluster]) -> npt.NDArray[np.int8]:
        flagged = np.zeros(len(drafted.prints), dtype=bool)
        for cluster in found:
            flagged[cluster.members] = True
        prints = drafted.prints
        sides = split(
            prints.group[rows], prints.stratum[rows], flagged[rows], share=self._recipe.heldout, salt=self._salt
        )
        if set(sides.tolist()) != set(Side):
            groups = len(np.unique(prints.group[rows]))
            raise RunError(
                f"the {len(rows):,} fresh texts come from {groups:,} group(s), {int(flagged[rows].sum()):,} of them "
                "from flagged clusters: too few to train on some and hold others out",
                cure="wait for texts of more groups, or let the source name no group where it is no session or author",
            )
        return sides

"""The bets against one reference: window after window, for ever, within the false-alarm budget."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.blocks import Blocks, group_numbers, in_blocks
from driftwatch.drift.evidence.dependence import LENGTHS, Dependence, judge
from driftwatch.drift.evidence.fixed import Fixed
from driftwatch.drift.evidence.gathered import groups_at, groups_of, times_of
from driftwatch.drift.evidence.groupsize import GroupSize
from driftwatch.drift.evidence.known import Known, known_of
from driftwatch.drift.evidence.leaders import Leaders
from driftwatch.drift.evidence.rates import ERROR
from driftwatch.drift.evidence.recent import REMEMBERED, Chunk, Recent
from driftwatch.drift.evidence.scouts import Trail
from driftwatch.drift.evidence.seen import Seen, keys, keys_of, uniform
from driftwatch.drift.evidence.sets import lengths, loss_per_token
from driftwatch.drift.evidence.state import Alive, Arrays, Notes, pack, unpack
from driftwatch.drift.evidence.witness import PIECE
from driftwatch.drift.evidence.witnesses import SCOUT_PART, Witnesses
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.drift import ChannelEvidence, Onset, Reference, Window
    from driftwatch.drift.evidence.settings import EvidenceSettings
    from driftwatch.drift.evidence.witnesses import Leader

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
WITNESS_PART = 0.5
"""Of the false-alarm budget; the fixed banks have the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """Where evidence was highest in a window.

    Args:
        height: log10 of the statistic over its threshold; an alarm from 0 on.
        texts: rows of the window up to there.
        witness: that reached it; None where the fixed banks did.
    """

    height: float
    texts: int
    witness: Leader | None


NOTHING = Peak(height=-np.inf, texts=0, witness=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the bets on a window came to.

    Args:
        peak: where evidence was highest.
        onset: estimated begin of the drift, where evidence reached its threshold.
        channels: that carry the evidence then.
    """

    peak: Peak
    onset: Onset | None = None
    channels: tuple[ChannelEvidence, ...] = ()


class Bets:
    r"""All bets of the detector ``evidence`` against one reference.

    The budget is one of time, so its threshold A in texts follows the stream's rate from window to window. What stays
    is R/A: when A changes, R is multiplied by the new A over the old one. So every text brings its coin at the
    threshold of its own time, :math:`S \leftarrow (S + L/A_w) e` with an alarm at 1 for a block of L texts in window
    w, and :math:`S - \sum L/A_w` is a supermartingale: without drift the expected number of alarms is at most the sum
    of the texts, each over the threshold of its window, which is the time that passed over the time that the budget
    asks for between two. Were R held against each window's A as it is, the low threshold of slow hours would be
    reached by what busy ones gathered against a high one. A witness's chance of a call is fixed at its birth in the
    same way. (A must be known without a look at what the texts say, as it is: their times alone make the rate.)

    Args:
        reference: what is known.
        settings: how texts are treated.
        seed: of k-means.
        error: probability, per bank, of a reference draw for which some bound is too low.
        known: bodies that are never a hit; by default those of the reference.
        bodies: how many different ones the rates stand for; by default all that are known.
        embeddings_alone: whether the fixed banks leave tokens, lengths and losses out (see :class:`Fixed`).
    """

    def __init__(
        self,
        reference: Reference,
        settings: EvidenceSettings,
        *,
        seed: int,
        error: float = ERROR,
        known: Known | None = None,
        bodies: int | None = None,
        embeddings_alone: bool = False,
    ) -> None:
        self._settings = settings
        self._known = known_of(reference) if known is None else known
        self._most = max(min(REMEMBERED, (len(self._known) if bodies is None else bodies) // 4), 1)
        self._fixed = Fixed(reference, seed=seed, error=error, embeddings_alone=embeddings_alone)
        self._witnesses = Witnesses(reference.train.features, reference.cal.features)
        self._leaders = Leaders(reference, self._fixed, self._witnesses)
        self._recent = Recent()
        self._bodies, self._groups, self._group_size = self._remembering(), Seen(), GroupSize()
        self._burn_in: npt.NDArray[np.float16] | None = None
        self._texts = 0
        self._arl_texts = self._paid = 0.0
        self._packed: bytes | None = None
        self.dependence: Dependence | None = None

    def go_on(self, state: bytes) -> None:
        """Go on from a state; one of another format is left aside."""
        self._packed = None
        stored = unpack(state)
        if stored is not None:
            self._restore(*stored)

    def update(self, window: Window) -> Call:
        """Bet on a window's texts. A call begins all bets anew.

        Texts that the reference knows word for word are misses of every bet; copies of other texts seen lately count
        for nothing.
        """
        self._packed = None
        self._follow(window.arl_texts)
        bodies = keys_of(window)
        counted = ~self._known(bodies)
        rows, new = self._fresh(window, bodies, counted)
        length = self._length()
        peak = self._bet(window, rows, counted, length)
        peak = first(peak, self._learn(window, new, bodies, counted, length))
        self._group_size.add(groups_at(window, rows))
        self._look_for_dependence(window, new)
        self._texts += len(window.texts)
        if peak.height < 0:
            return Call(peak=peak)
        onset, channels = self._leaders.explain(window, self._recent, peak.witness)
        self.begin_anew()
        return Call(peak=peak, onset=onset, channels=channels)

    def begin_anew(self) -> None:
        """Forget all evidence, as after a call."""
        self._packed = None
        self._fixed.reset()
        self._witnesses.reset()

    def _follow(self, arl_texts: float) -> None:
        """Let evidence stay as high against the new threshold as it was against the last."""
        if self._arl_texts and arl_texts != self._arl_texts:
            self._fixed.scale_by(arl_texts / self._arl_texts)
        self._arl_texts = arl_texts

    def topics(self, window: Window) -> npt.NDArray[np.int64]:
        """Return the number of the topic centre nearest to each text, int64 [n]."""
        return self._fixed.topics(window.features)

    def state(self) -> bytes:
        """Return everything needed to go on: statistics, witnesses, recent texts' features."""
        if self._packed is None:
            self._packed = self._pack()
        return self._packed

    def _pack(self) -> bytes:
        chunks = list(self._recent)
        notes = Notes(
            texts=self._texts,
            arl_texts=self._arl_texts,
            paid=self._paid,
            closed=self._recent.closed,
            chunks=len(self._recent.chunks),
            pieces=len(self._recent.open),
            alive=tuple(
                Alive(kind=each.score.kind.name, born=each.born, count=each.count, error=each.error, exact=each.exact)
                for each in self._witnesses.alive
            ),
            alarm=None,
            dependence=self.dependence,
            grouped=(self._group_size.texts, self._group_size.groups),
        )
        return pack(notes, dict(self._arrays(chunks)))

    def _fresh(self, window: Window, bodies: Keys, counted: Mask) -> tuple[Rows, Rows]:
        """Return the rows that are no copies, and those of them whose group was not seen in earlier windows lately.

        Witnesses bet on the latter only: a session that goes on is no news to a score that learnt from its begin.

        Args:
            window: its texts.
            bodies: uint64 [n], keys of the texts' bodies.
            counted: bool [n], which can hit.
        """
        fresh = ~counted
        fresh[counted] = self._bodies.add_all(bodies[counted].tolist())
        rows: Rows = np.flatnonzero(fresh)
        names = list(dict.fromkeys(group for group in groups_of(window) if group is not None))
        groups = dict(zip(names, keys(names).tolist(), strict=True))
        going_on = {group for group, number in groups.items() if number in self._groups}
        new = rows
        if going_on:
            every = groups_of(window)
            new = np.array([row for row in rows.tolist() if every[row] not in going_on], dtype=np.int64)
        self._groups.add_all(list(groups.values()))
        return rows, new

    def _length(self) -> int:
        """Return the length of blocks; with ``auto`` it is what earlier windows showed, never the one bet on."""
        wanted = self._settings.dependence
        if wanted == "independent":
            return 1
        if isinstance(wanted, int):
            return wanted
        return self.dependence.length if self.dependence is not None else LENGTHS[0]

    def _look_for_dependence(self, window: Window, new: Rows) -> None:
        """Add the window's texts to the burn-in, which goes on until it has seen enough."""
        if self._settings.dependence != "auto" or (self.dependence is not None and self.dependence.settled):
            return
        values = window.features.embeddings.values[_one_of_each_group(window, new)].astype(np.float16)
        self._burn_in = values if self._burn_in is None else np.concatenate([self._burn_in, values])
        self.dependence = judge(self._burn_in.astype(np.float32), burn_in=self._settings.burn_in)
        self._burn_in = None if self.dependence.settled else self._burn_in

    def _bet(self, window: Window, rows: Rows, counted: Mask, length: int) -> Peak:
        """Let the fixed banks bet."""
        if not len(rows):
            return NOTHING
        blocks = self._blocks(window, rows, length, by_group=self._fixed.by_group)
        hitting = counted[blocks.rows]
        trace = self._fixed.update(take(window.features, blocks.rows[hitting]), blocks, hitting)
        heights = np.log10(trace) - np.log10(window.arl_texts / (1.0 - WITNESS_PART))
        return _peak(heights, blocks, [None] * len(blocks))

    def _learn(self, window: Window, new: Rows, bodies: Keys, counted: Mask, length: int) -> Peak:
        """Let the witnesses bet piece by piece, and take the texts that can hit in among the recent ones."""
        peak = NOTHING
        betting = self._betting()
        if not betting:
            self._witnesses.reset()  # what they learnt from is forgotten before they could bet again
        rate = WITNESS_PART / window.arl_texts
        scouting = rate * SCOUT_PART if length == 1 else 0.0
        exact = length == 1 and not groups_of(window)
        lone = length == 1 and not len(self._groups)
        for part in np.array_split(new, max(-(-len(new) // PIECE), 1)):
            if not len(part):
                continue
            blocks = self._blocks(window, part, length, by_group=False)
            hitting = counted[blocks.rows]
            piece = _chunk(window, blocks.rows[hitting])
            if betting:
                ties = uniform(bodies[blocks.rows])
                heights, leaders = self._witnesses.update(piece, blocks, ties, hitting, rate=scouting, exact=exact)
                peak = first(peak, _peak(heights, blocks, leaders))
            self._paid += (rate - scouting) * len(piece) * betting
            if len(piece) and self._recent.add(piece) is not None:
                if betting:
                    self._witnesses.bear(self._recent, paid=self._paid, exact=lone)
                self._paid = 0.0
        return peak

    def _remembering(self, bodies: Iterable[int] = ()) -> Seen:
        """Return a memory of bodies: a quarter of as many as the rates stand for at most (see :mod:`known`)."""
        return Seen(bodies, most=self._most)

    def _betting(self) -> bool:
        """Say whether witnesses may bet: texts must not depend on each other beyond a block."""
        if not self._settings.witnesses:
            return False
        if self._settings.dependence != "auto":
            return True
        found = self.dependence
        return found is not None and found.settled and not found.beyond

    def _blocks(self, window: Window, rows: Rows, length: int, *, by_group: bool) -> Blocks:
        groups = groups_at(window, rows)
        least = self._group_size.bound if groups.count(None) < len(groups) else 1.0
        return in_blocks(rows, groups, length=length, by_group=by_group, texts_a_group=least)

    def _arrays(self, chunks: list[Chunk]) -> Arrays:
        found: Arrays = {"bodies": self._bodies.keys(), "groups": self._groups.keys()}
        for number, chunk in enumerate(chunks):
            found |= _named(f"chunk{number}_", chunk.packed())
        if self._burn_in is not None:
            found["burn_in"] = self._burn_in
        trail = self._witnesses.scouts.trail
        found |= {"trail_places": trail.places, "trail_known": trail.known, "trail_uniform": trail.uniform}
        found["trail_counted"], found["trail_rate"] = trail.counted, trail.rate
        found["trail_numbers"] = np.array([trail.end, trail.quiet])
        found["bank"] = self._fixed.bank.values
        found |= _named("tokens_", self._fixed.tokens.packed())
        for number, witness in enumerate(self._witnesses.alive):
            found |= {f"highest{number}": witness.highest, f"values{number}": witness.values}
        return found

    def _restore(self, notes: Notes, arrays: Arrays) -> None:
        self._texts, self.dependence = notes.texts, notes.dependence
        self._arl_texts, self._paid = notes.arl_texts, notes.paid
        self._group_size = GroupSize(*notes.grouped)
        self._burn_in = arrays["burn_in"].astype(np.float16) if "burn_in" in arrays else None
        self._bodies, self._groups = (
            self._remembering(int(each) for each in arrays["bodies"]),
            Seen(int(each) for each in arrays["groups"]),
        )
        chunks = [Chunk.unpacked(_under(f"chunk{number}_", arrays)) for number in range(notes.chunks + notes.pieces)]
        self._recent = Recent(
            chunks=deque(chunks[: notes.chunks], maxlen=self._recent.chunks.maxlen),
            closed=notes.closed,
            open=chunks[notes.chunks :],
        )
        self._fixed.bank.values = arrays["bank"].astype(np.float64)
        if "trail_numbers" in arrays:
            end, quiet = (int(each) for each in arrays["trail_numbers"])
            places, known = (arrays[name].astype(np.float32) for name in ("trail_places", "trail_known"))
            ties, counted = arrays["trail_uniform"].astype(np.float64), arrays["trail_counted"].astype(bool)
            rate = arrays["trail_rate"].astype(np.float64)
            self._witnesses.scouts.trail = Trail(places, known, ties, counted, rate, end=end, quiet=quiet)
        self._fixed.tokens.restore(_under("tokens_", arrays))
        stored = [
            (arrays[f"highest{number}"].astype(np.int32), arrays[f"values{number}"].astype(np.float64))
            for number in range(len(notes.alive))
        ]
        alive = [(each, *kept) for each, kept in zip(notes.alive, stored, strict=True)]
        self._witnesses.restore(self._recent, alive)


def _named(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays under longer names."""
    return {prefix + name: array for name, array in arrays.items()}


def _under(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays that ``_named`` gave this prefix, under their own names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _one_of_each_group(window: Window, rows: Rows) -> Rows:
    """Return the first row of each group; a text without one is its own."""
    _, firsts = np.unique(group_numbers(groups_at(window, rows)), return_index=True)
    found: Rows = rows[firsts]
    return found


def _peak(heights: Floats, blocks: Blocks, leaders: list[Leader | None] | list[None]) -> Peak:
    """Return where evidence first reached the threshold, or was highest."""
    reached = np.flatnonzero(heights >= 0)
    place = int(reached[0] if len(reached) else heights.argmax())
    ends = np.append(blocks.starts[1:], len(blocks.rows))
    texts = int(blocks.rows[: ends[place]].max()) + 1
    return Peak(height=float(heights.max()), texts=texts, witness=leaders[place])


def first(left: Peak, right: Peak) -> Peak:
    """Return the peak that alarmed first, or the higher one where not both did."""
    if left.height >= 0 and right.height >= 0:
        return min(left, right, key=lambda peak: peak.texts)
    return max(left, right, key=lambda peak: peak.height)


def _chunk(window: Window, rows: Rows) -> Chunk:
    features = take(window.features, rows)
    times = times_of(window)[rows] * 1e6
    seqs = np.asarray(window.seqs, dtype=np.int64)[rows] if window.seqs else rows + 1
    return Chunk(
        values=features.embeddings.values.astype(np.float16),
        ids=features.tokens.ids,
        indptr=features.tokens.indptr,
        scalars=np.stack([lengths(features), loss_per_token(features)], axis=1).astype(np.float32),
        seqs=seqs,
        times=times.astype(np.int64),
    )

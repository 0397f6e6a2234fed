"""Bets on two tiers of embeddings: static ones of every text, a transformer's of the part of each window it read."""

from __future__ import annotations

import struct
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from driftwatch.drift.evidence.bets import NOTHING, Bets, Call, first
from driftwatch.drift.evidence.parts import of_whole, seqs_of
from driftwatch.drift.tiers import close_reference, close_window, read_by_all, wide_reference

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from driftwatch.domain.drift import Reference, Window
    from driftwatch.drift.evidence.dependence import Dependence
    from driftwatch.drift.evidence.known import Known
    from driftwatch.drift.evidence.settings import EvidenceSettings

CLOSE_PART = 0.5
"""Of the false-alarm budget; the static tier has the rest."""
_LENGTH = struct.Struct("<I")
_BY_TIER = "read by the transformer"


class Tiers:
    r"""The bets on both tiers against one reference, in the place of one lot of bets.

    The static tier bets on every text: on its embeddings, on tokens, lengths and losses. The transformer tier bets on
    its embeddings of the texts that it read, chosen without a look at what they say (:mod:`~driftwatch.drift.tiers`).
    Each keeps half of the budget whatever the other does, so both keep the whole. With the threshold A in texts, the
    static tier alarms at 2A. The transformer tier reads m of a window's n texts, and alarms at :math:`2A m/n` of
    *those*: its m texts pay :math:`m / (2A m/n) = n/2A`, the half of what the window's texts pay for. m/n is known
    before a text is bet on, as A is.

    The e-processes are not averaged, though a mean of them would be one too, with the whole threshold: for that both
    must be known at the same times, and a block of the one tier ends within a block of the other, with texts of its
    own in it. An alarm of the static tier there would choose, by what these texts say, whether the other's block is
    counted. Halves cost what doubling a threshold costs: 5% of the delay at thresholds of a million texts.

    After a call of either, both begin anew.

    Args:
        reference: what is known; both tiers read all its texts.
        settings: how texts are treated.
        seed: of k-means.
        error: probability, per bank, of a reference draw for which some bound is too low; each tier has half of it.
        known: bodies that are never a hit.
        bodies: how many different ones the rates stand for.
    """

    def __init__(
        self,
        reference: Reference,
        settings: EvidenceSettings,
        *,
        seed: int,
        error: float,
        known: Known,
        bodies: int | None = None,
    ) -> None:
        wide, close = wide_reference(reference), close_reference(reference)
        self._wide = Bets(wide, settings, seed=seed, error=error / 2, known=known, bodies=bodies)
        self._close = Bets(
            close, settings, seed=seed, error=error / 2, known=known, bodies=bodies, embeddings_alone=True
        )

    @property
    def dependence(self) -> Dependence | None:
        """What the burn-in of every text showed, over when that of the transformer tier's texts is over too."""
        wide, close = self._wide.dependence, self._close.dependence
        if wide is None:
            return None
        return replace(wide, settled=wide.settled and close is not None and close.settled)

    def go_on(self, state: bytes) -> None:
        """Go on from a state; what another format wrote is left aside."""
        (length,) = _LENGTH.unpack_from(state)
        self._wide.go_on(state[_LENGTH.size : _LENGTH.size + length])
        self._close.go_on(state[_LENGTH.size + length :])

    def update(self, window: Window) -> Call:
        """Bet on a window's texts in both tiers. A call of either begins all bets anew."""
        share = 1.0 - CLOSE_PART
        wide = replace(window, features=read_by_all(window.features), arl_texts=window.arl_texts / share)
        calls = [self._wide.update(wide)]
        tier = window.features.tier
        if tier is not None and len(tier.rows):
            read = close_window(replace(window, seqs=seqs_of(window)))
            paid = len(read.texts) / len(window.texts) / CLOSE_PART
            call = self._close.update(replace(read, arl_texts=window.arl_texts * paid))
            calls.append(_by_tier(of_whole(call, tier.rows)))
        called = [call for call in calls if call.onset is not None]
        peak = reduce(first, (call.peak for call in calls), NOTHING)
        if not called:
            return Call(peak=peak)
        self._wide.begin_anew()
        self._close.begin_anew()
        return replace(min(called, key=lambda call: call.peak.texts), peak=peak)

    def topics(self, window: Window) -> npt.NDArray[np.int64]:
        """Return the number of the topic centre nearest to each text by its static embedding, int64 [n]."""
        return self._wide.topics(window)

    def state(self) -> bytes:
        """Return everything needed to go on."""
        wide = self._wide.state()
        return _LENGTH.pack(len(wide)) + wide + self._close.state()


def _by_tier(call: Call) -> Call:
    """Return it with channels that say which tier's they are."""
    return replace(call, channels=tuple(replace(each, name=f"{each.name}, {_BY_TIER}") for each in call.channels))

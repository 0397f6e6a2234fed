"""Draws windows and streams: which texts a method sees, the same ones for every method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.exchange import Trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from benchmarks.peers.exchange import Texts

    Rows = npt.NDArray[np.int64]

SHARES = (0.05, 0.1, 0.2, 0.5)
DUPLICATES = (0.0, 0.05, 0.1, 0.2, 0.3)
SESSIONS = (1, 2, 5, 10, 20)
REPEATED = 5
"""Duplicates are copies of so many of the window's texts: templates, retries, bots."""
ONSET = 100
STREAM_SHARES = {"quiet": (0.0, 4_000), "100%": (1.0, 400), "50%": (0.5, 600), "20%": (0.2, 1_000)}
STREAM_SHARES |= {"10%": (0.1, 2_000), "5%": (0.05, 3_000)}
"""Share of new texts and length of the streams of each case, from the onset on."""


def windows(texts: Texts, *, size: int, reference: int, draws: int, quiet: int, drifted: int, seed: int) -> Trials:
    """Return quiet windows, and the same ones with some texts replaced by new ones.

    Args:
        texts: the corpus.
        size: texts a window.
        reference: texts of each draw's reference.
        draws: number of references.
        quiet: windows a draw without drift, disjoint.
        drifted: windows a draw and share of new texts.
        seed: of everything.
    """
    cases = ("quiet", *(f"{share:.0%}" for share in SHARES))
    made = _Made(texts, cases, reference, quiet * size, draws, seed)
    for draw in range(draws):
        random, spare = made.random[draw], made.spare[draw].reshape(quiet, size)
        for window in spare:
            made.add(draw, 0, random.permutation(window))
        for case, share in enumerate(SHARES, start=1):
            for window in spare[:drifted]:
                mixed = random.permutation(window)
                count = round(share * size)
                mixed[:count] = random.choice(texts.new, count, replace=False)
                made.add(draw, case, random.permutation(mixed))
    return made.trials()


def duplicates(
    texts: Texts, *, shares: Sequence[float], size: int, reference: int, draws: int, each: int, seed: int
) -> Trials:
    """Return quiet windows of which some share are copies of five of their texts."""
    made = _Made(texts, tuple(f"{share:.0%}" for share in shares), reference, each * size, draws, seed)
    for draw in range(draws):
        random = made.random[draw]
        for case, share in enumerate(shares):
            for window in made.spare[draw].reshape(each, size):
                rows = random.permutation(window)
                count = round(share * size)
                rows[size - count :] = random.choice(rows[:REPEATED], count)
                made.add(draw, case, random.permutation(rows))
    return made.trials()


def sessions(
    texts: Texts, *, lengths: Sequence[int], size: int, reference: int, draws: int, each: int, seed: int
) -> Trials:
    """Return quiet windows of sessions: so many texts of one kind, kinds as frequent as in the corpus."""
    spare = min(len(texts.known) - reference, 8_000)
    made = _Made(texts, tuple(str(length) for length in lengths), reference, spare, draws, seed)
    for draw in range(draws):
        for case, length in enumerate(lengths):
            for _ in range(each):
                rows, groups = _of_sessions(texts, made.spare[draw], length, size, made.random[draw])
                made.add(draw, case, rows, groups)
    return made.trials()


def streams(
    texts: Texts, *, reference: int, draws: int, each: int, quiet: int, cases: Sequence[str], seed: int
) -> Trials:
    """Return quiet streams, and streams of which each text from the onset on is new with some probability.

    Args:
        texts: the corpus.
        reference: texts of each draw's reference.
        draws: number of references.
        each: streams a draw and share of new texts.
        quiet: streams a draw without drift.
        cases: of ``STREAM_SHARES``.
        seed: of everything.
    """
    spare = min(len(texts.known) - reference, 12_000)
    made = _Made(texts, tuple(cases), reference, spare, draws, seed)
    for draw in range(draws):
        random = made.random[draw]
        for case, name in enumerate(cases):
            share, length = STREAM_SHARES[name]
            for _ in range(quiet if name == "quiet" else each):
                rows = random.permutation(made.spare[draw])[: ONSET + length].copy()
                fresh = np.flatnonzero(random.random(len(rows)) < share)
                fresh = fresh[fresh >= ONSET]
                rows[fresh] = random.permutation(texts.new)[: len(fresh)]
                made.add(draw, case, rows)
    return made.trials(onset=ONSET)


def _of_sessions(texts: Texts, spare: Rows, length: int, size: int, random: np.random.Generator) -> tuple[Rows, Rows]:
    """Return distinct rows and their sessions; a kind drawn again goes on where it stopped, until it is used up."""
    left = {kind: list(random.permutation(spare[texts.kinds[spare] == kind])) for kind in np.unique(texts.kinds[spare])}
    rows: list[int] = []
    groups: list[int] = []
    number = 0
    while len(rows) < size:
        kind = texts.kinds[random.choice(spare)]
        taken, left[kind] = left[kind][:length], left[kind][length:]
        rows += [int(row) for row in taken]
        groups += [number] * len(taken)
        number += 1
    return np.array(rows[:size]), np.array(groups[:size])


class _Made:
    """Trials while they are drawn: a reference and spare rows for each draw."""

    def __init__(self, texts: Texts, cases: tuple[str, ...], reference: int, spare: int, draws: int, seed: int) -> None:
        self._cases = cases
        self.random = [np.random.default_rng([seed, draw]) for draw in range(draws)]
        orders = [random.permutation(texts.known) for random in self.random]
        self.spare = [order[reference : reference + spare] for order in orders]
        self._references = [order[:reference] for order in orders]
        self._owns = [np.concatenate([order[:reference], order[reference + spare :]]) for order in orders]
        self._rows: list[tuple[int, int, Rows, Rows | None]] = []

    def add(self, draw: int, case: int, rows: Rows, groups: Rows | None = None) -> None:
        """Keep a trial."""
        self._rows.append((draw, case, rows, groups))

    def trials(self, *, onset: int = 0) -> Trials:
        """Return them all, shorter ones filled up with −1."""
        longest = max(len(rows) for _, _, rows, _ in self._rows)
        rows = np.full((len(self._rows), longest), -1, dtype=np.int64)
        groups = np.full_like(rows, -1)
        for number, (_, _, some, together) in enumerate(self._rows):
            rows[number, : len(some)] = some
            if together is not None:
                groups[number, : len(together)] = together
        return Trials(
            cases=self._cases,
            references=np.array(self._references),
            owns=np.array(self._owns),
            rows=rows,
            groups=groups,
            draw=np.array([draw for draw, _, _, _ in self._rows]),
            case=np.array([case for _, case, _, _ in self._rows]),
            onset=onset,
        )

r"""Which texts the reference knows word for word: they are never a hit.

The reference holds every body once, however often its log did, but a stream brings bodies as often as they are said. If
a body that comes again and again could hit, a set that holds many of them ("thanks", "ok") would be hit more often than
its share of distinct texts says, and that would look like drift. So a hit is "a body that the reference does not know,
within the set", for the complements of sets as well, and a text that is known counts as a miss of every bet.

Why the reference's rates bound the rate of such hits, whatever the law P of bodies: let the log be M independent draws
from P, K its bodies, and N(A) the number of *distinct* ones within a set A. A stream's text hits with probability U(A)
= P(A minus K), the mass in A that the log missed. A body of probability p, with λ = Mp, comes c times in the log; for
:math:`0 < a < 1` its part in :math:`E\,a^{N(A)} e^{(1 - a) M U(A)}` is

.. math:: E\,[\,e^{(1-a) λ} 1\{c = 0\} + a\, 1\{c > 0\}\,] \le f(λ) = e^{-aλ} + a (1 - e^{-λ}),

since :math:`P(c = 0) = (1 - p)^M \le e^{-λ}`. f(0) = 1 and :math:`f'(λ) = a (e^{-λ} - e^{-aλ}) \le 0`, so :math:`f \le
1`. Each part falls in c and the counts of a multinomial draw are negatively associated, so the whole is at most 1, and
Markov's inequality gives, for :math:`x \ge k`,

.. math:: P(M U(A) \ge x, N(A) \le k) \le \min_a a^{-k} e^{-(1 - a) x} = e^{-(x - k)} (x / k)^k.

That is Chernoff's bound for a Poisson count k of mean x: distinct texts bound the unseen mass as well as if no body
ever came twice. Where only a share r of the distinct bodies is counted, chosen by a hash (CAL), the same holds with rM
in place of M, for a part is :math:`e^{-(1 - ρ) λ} + (1 - ρ)(1 - e^{-λ})` at most then, with ρ = r (1 − a). (A is
chosen on TRAIN, the other share of the same log; for bodies outside TRAIN :math:`e^{-(1-ρ) λ} \le ρ + (1 - ρ) e^{-λ}`
by convexity, so what TRAIN showed changes nothing where the log's bodies come independently of each other, as in a log
of Poisson length; in one of a given length it changes what is left for the others by about the root of M.) As M is no
less than the number N of distinct bodies, the rate N(A)/N is rather too high than too low, by M/N: bodies that recur
make bets slower, never wrong. How often the log held a body need not be known, so training data that was freed of
copies does no harm.

The bounds in use (:mod:`rates`) are Clopper and Pearson's, exact where nothing recurs and a little below Chernoff's;
that they hold where bodies recur is measured (``tests/property/test_evidence_budget.py``). Where CAL is counted by
groups, it is distinct texts that these are made of, and the argument is one by analogy.

Copies in the stream of a body that is *not* known count for nothing (:mod:`seen`): a flood of them must neither be
evidence nor hide any. That leaves a share Q of the texts out and raises all rates by 1/(1 − Q), where M/N must have
room for it. Either bodies known once are so few that it has, Q being at most their share of the log, N₁/M; or at least
half of the N bodies are, and a memory of N/4 bodies reaches back over :math:`L \approx (N/4)(M/N_1) \le M/2` texts.
Then, as a body is left out :math:`p e^{-λ} (1 - e^{-Lp})` times a text on average, and as for :math:`L \le M/2` and
every λ

.. math:: 1 - e^{-λ} (1 - e^{-λ L / M}) \ge (1 - e^{-λ}) / λ,

summing with weights p shows that 1 − Q is N/M on average at least. So no more than N/4 bodies are remembered. Bets by
season have rates and a memory of their own: N is the number of bodies of their season there.

Sources: Good 1953 (Biometrika 40) for the unseen mass; McAllester and Ortiz 2003 (JMLR 4) for negative association.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.seen import keys, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.drift import Reference, Window

Short = npt.NDArray[np.uint32]


class Known:
    """The bodies of a reference's texts, and of those it was chosen from.

    A body is told by 32 bits of its hash. With a million known bodies one new text in 4,000 is taken for known, which
    is a hit less now and then.

    Args:
        reference: whose texts.
    """

    def __init__(self, reference: Reference) -> None:
        parts = (reference.train, reference.cal, reference.heldout)
        self.bodies: Short = np.unique(short(text.body for part in parts for text in part.texts))
        if reference.others is not None:
            # Both are sorted, so a stable sort only merges them.
            merged = np.sort(np.concatenate([self.bodies, reference.others]), kind="stable")
            self.bodies = merged[np.concatenate([[True], merged[1:] != merged[:-1]])] if len(merged) else merged

    def __len__(self) -> int:
        return len(self.bodies)

    def __call__(self, bodies: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return which bodies are known, bool [n], by their keys, uint64 [n]."""
        wanted = shortened(bodies)
        places = np.searchsorted(self.bodies, wanted)
        found: npt.NDArray[np.bool_] = self.bodies.take(places, mode="clip") == wanted
        return found

    def new_of(self, window: Window, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of a window's rows have bodies that are not known, bool [n]."""
        return ~self(keys_of(window)[rows])


_GATHERED: WeakKeyDictionary[Reference, Known] = WeakKeyDictionary()


def known_of(reference: Reference) -> Known:
    """Return a reference's known bodies, gathered once for all who ask as long as it lives."""
    found = _GATHERED.get(reference)
    if found is None:
        found = _GATHERED[reference] = Known(reference)
    return found


def short(bodies: Iterable[str]) -> Short:
    """Return 32 bits of each body's hash, uint32 [n]."""
    return shortened(keys(bodies))


def shortened(long: npt.NDArray[np.uint64]) -> Short:
    """Return the 32 bits that a body is told by of its key, uint32 [n]."""
    return (long >> np.uint64(32)).astype(np.uint32)

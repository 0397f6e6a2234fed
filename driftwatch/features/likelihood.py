"""How likely sentences are to a causal network: shared beginnings once, the vocabulary's logits piece by piece."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np
import structlog

from driftwatch.features.crossentropy import cross_entropies
from driftwatch.features.loading import check_rows
from driftwatch.features.runtime import device
from driftwatch.features.tree import trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import torch
    from transformers import PretrainedConfig

    from driftwatch.features.network import Network
    from driftwatch.features.tree import Tree

log = structlog.get_logger()

_NODES = 256
"""Tokens of a tree: attention grows with their square, and is a twentieth of the work at this size."""
_SHARED_NODES = 1_024
"""Tokens of a tree whose rows share more than they add: what is saved is whole tokens, whatever attention costs."""
_LOGITS = 1 << 25
"""Numbers in a tree's logits (128 MiB; twice as many where rows share more than they add)."""
_WINDOWS = ("sliding_window", "window_size", "attention_window", "local_attention", "attention_chunk_size")
"""What architectures call the number of tokens that a layer sees; one that is told and not used costs speed only."""
_TRIED = 8
_APART = 1e-3
"""Nats by which a sentence may differ from itself alone; float32 leaves less than a tenth of it."""
_SENTENCE = 32
"""Tokens of a sentence; longer rows may differ by more in proportion."""


class Likelihoods:
    """Sums each row's cross-entropy over its tokens from the second on.

    Rows that begin alike are laid out as a tree (see ``tree``), where the network takes masks and positions as they are
    given: this is tried on the first rows against each by itself. A network that does not gets them side by side,
    padded; one whose layers see only a window of the tokens before (Mistral, Gemma, GPT-Neo) gets trees no larger than
    that, in which the window hides nothing, and longer rows side by side.

    Args:
        network: a causal one.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._takes = inspect.signature(network.model.forward).parameters
        self._by_tree: bool | None = None if "position_ids" in self._takes else False
        self._window = _window(network.model.config.get_text_config())

    def nats(
        self, rows: Sequence[Sequence[int]], counted: Sequence[Sequence[int]] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return each row's sum in nats, float64 [rows]; 0 for rows of which nothing counts.

        Args:
            rows: token ids.
            counted: the places of each row's tokens that count, from 1 on; None for all of these.

        Raises:
            ModelError: the tokenizer is not the model's own.
        """
        return self._counted(rows, [range(1, len(row)) for row in rows] if counted is None else counted)

    def differences(self, rows: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        """Return by how much each second row's sum is above that of the row before it, float64 [rows / 2].

        What both begin with cancels; it goes through the network for those behind it, but is not predicted.

        Args:
            rows: an even number of them.

        Raises:
            ModelError: the tokenizer is not the model's own.
        """
        shared = [_shared(*both) for both in zip(rows[0::2], rows[1::2], strict=True)]
        counted = [range(max(1, shared[place // 2]), len(row)) for place, row in enumerate(rows)]
        sums = self._counted(rows, counted).reshape(-1, 2)
        return np.asarray(sums[:, 1] - sums[:, 0], dtype=np.float64)

    def _counted(self, rows: Sequence[Sequence[int]], counted: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        check_rows(rows, self._network.model, self._network.path)
        places = [place for place, asked in enumerate(counted) if asked]
        found = np.zeros(len(rows), np.float64)
        if places:
            found[places] = self._sums([rows[place] for place in places], [counted[place] for place in places])
        return found

    def _sums(self, rows: Sequence[Sequence[int]], counted: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        if self._by_tree is None:
            self._by_tree = self._agrees(rows[:_TRIED], counted[:_TRIED])
        if not self._by_tree:
            return self._apart(rows, counted)
        found = np.zeros(len(rows), np.float64)
        for fits, scored in ((True, self._together), (False, self._apart)):
            places = [place for place, row in enumerate(rows) if (len(row) <= self._window) is fits]
            if places:
                found[places] = scored([rows[place] for place in places], [counted[place] for place in places])
        return found

    def _agrees(self, rows: Sequence[Sequence[int]], counted: Sequence[Sequence[int]]) -> bool:
        """Say whether rows are scored together as they are alone; what is no number is told later, not here."""
        apart = np.abs(self._together(rows, counted) - self._apart(rows, counted, padded=False))
        allowed = [_APART * max(1.0, len(asked) / _SENTENCE) for asked in counted]
        agrees = not (apart > allowed).any()
        if not agrees:
            log.info("scored_apart", model=str(self._network.path), apart=float(apart.max()))
        return agrees

    def _together(self, rows: Sequence[Sequence[int]], counted: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        outputs = int(self._network.model.config.get_text_config().vocab_size)
        found = np.zeros(len(rows), np.float64)
        budget = max(1, min(_NODES, self._window, _LOGITS // outputs))
        shared = min(_SHARED_NODES, self._window, 2 * _LOGITS // outputs)
        for tree in trees(rows, budget=budget, shared_budget=shared, counted=counted):
            found[tree.rows] = tree.sums(self._nodes(tree))
        return found

    def _apart(
        self, rows: Sequence[Sequence[int]], counted: Sequence[Sequence[int]], *, padded: bool = True
    ) -> npt.NDArray[np.float64]:
        """Score rows side by side, padded to one length, or one by one."""
        found = np.zeros(len(rows), np.float64)
        for batch in self._network.batches(rows, together=padded):
            logits, ids = self._network.logits([rows[place] for place in batch])
            for number, place in enumerate(batch):
                asked = np.asarray(counted[place], np.int64) - 1
                found[place] = cross_entropies(logits[number, : len(rows[place])], ids[number, 1:][asked], asked).sum()
        return found

    def _nodes(self, tree: Tree) -> npt.NDArray[np.float64]:
        """Return the cross-entropy of each node that counts, given its ancestors, float64 [counted]."""
        import torch

        where = device()
        ids = torch.from_numpy(tree.ids).to(where)
        asked, places = np.unique(tree.parents[tree.counted], return_inverse=True)
        narrowed = {"logits_to_keep": torch.from_numpy(asked).to(where)} if "logits_to_keep" in self._takes else {}
        with torch.inference_mode():
            logits = self._network.model(input_ids=ids[None], **self._laid_out(tree, where), **narrowed).logits[0]
        return cross_entropies(logits, ids[tree.counted], places if narrowed else asked[places])

    def _laid_out(self, tree: Tree, where: str) -> dict[str, torch.Tensor]:
        """Return what tells the network what each node sees and where it stands; a row alone is any row."""
        import torch

        if len(tree.rows) == 1:
            return {"attention_mask": torch.ones((1, len(tree.ids)), dtype=torch.long, device=where)}
        kind = self._network.model.dtype
        hidden = torch.from_numpy(~tree.sight()).to(where)
        mask = torch.zeros(hidden.shape, dtype=kind, device=where).masked_fill_(hidden, torch.finfo(kind).min)
        depths = torch.from_numpy(tree.depths).to(where)
        return {"attention_mask": mask[None, None], "position_ids": depths[None]}


def _window(config: PretrainedConfig) -> int:
    """Return how many tokens every layer of a network sees at least: its smallest window, or more than any tree has."""
    told = (getattr(config, name, None) for name in _WINDOWS)
    return min((each for each in told if isinstance(each, int) and each > 0), default=_NODES * _NODES)


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens both rows begin with."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count

"""What goes through the model: rows packed side by side, or one by one and padded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.packing import Bin, Piece, best_fit, pieces, sequences, widths_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from driftwatch.retrain.finetune.rows import Rows

IGNORED = -100
"""Label of what is not learnt, as torch has it."""

KEPT = "kept"
"""Name in a batch of the rows on which the model should stay as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row of a batch, every array int64.

    Args:
        ids: tokens.
        labels: what is learnt at each token, ``IGNORED`` where nothing is; of no dimension where the row has one class.
        positions: of the tokens in their texts; None where the row is one text.
        width: into rows of which a packed sequence may be folded.
        kept: whether the model should stay as it is on it.
    """

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64] | None = None
    width: int = 0
    kept: bool = False


class Examples(Protocol):
    """Everything one training sees, in no order yet."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each example that are not padding, int64 [examples]."""
        ...

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """What should be alike in a batch, int64 [examples]: the width that an example needs."""
        ...

    def at(self, number: int, *, draw: int) -> Example:
        """Return an example; ``draw`` chooses among the masks of a masked language model."""
        ...


class Packed:
    """Pieces of texts side by side; each begins anew at position 0, by which none sees another.

    A sequence of short texts can be folded into narrower rows, in which attention costs less. Texts on which the model
    should stay as it is have sequences of their own, so that only those go through the champion too.

    Args:
        rows: of a causal language model.
        context: tokens of a sequence; fewer where all texts together are fewer.
        filler: token of the padding; never seen by a text, never learnt.
    """

    def __init__(self, rows: Rows, *, context: int, filler: int) -> None:
        self._rows, self._filler = rows, filler
        self._parts = [part for part in pieces(rows.lengths, context=context) if _learns(rows, part)]
        sizes = [part.length for part in self._parts]
        self._context = min(context, max(sum(sizes), 2))
        kept = np.array([rows.kept[part.row] for part in self._parts], dtype=np.bool_)
        learnt_anew, stayed = (self._packed(np.flatnonzero(kept == kind), sizes) for kind in (False, True))
        self._sequences = [*learnt_anew, *stayed]
        self._anew = len(learnt_anew)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each sequence that are not padding."""
        parts = [[self._parts[item].length for each in sequence for item in each.items] for sequence in self._sequences]
        return np.array([sum(lengths) for lengths in parts], dtype=np.int64)

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """The width into which each sequence can be folded."""
        return np.array([sequence[0].width for sequence in self._sequences], dtype=np.int64)

    def _packed(self, items: npt.NDArray[np.intp], sizes: Sequence[int]) -> list[list[Bin]]:
        """Put some of the pieces into sequences."""
        bins = best_fit([sizes[item] for item in items], widths=widths_in(self._context))
        whole = [replace(each, items=tuple(int(items[item]) for item in each.items)) for each in bins]
        return sequences(whole, context=self._context)

    def at(self, number: int, *, draw: int) -> Example:
        """Return a sequence; padding after a text is a text of its own from which nothing is learnt."""
        del draw
        ids = np.full(self._context, self._filler, dtype=np.int64)
        labels = np.full(self._context, IGNORED, dtype=np.int64)
        positions = np.arange(self._context)
        begin = 0
        for each in self._sequences[number]:
            at = begin
            for part in (self._parts[item] for item in each.items):
                stop = at + part.length
                ids[at:stop], labels[at:stop] = _causal(self._rows, part)
                positions[at:stop] = np.arange(part.length)
                at = stop
            begin += each.width
            positions[at:begin] = np.arange(begin - at)
        positions[begin:] = np.arange(self._context - begin)
        width = self._sequences[number][0].width
        return Example(ids=ids, labels=labels, positions=positions, width=width, kept=number >= self._anew)


class Separate:
    """Pieces of causal texts, each a row of its own: for models in which packed texts would see each other."""

    def __init__(self, rows: Rows, *, context: int) -> None:
        self._rows = rows
        self._parts = [part for part in pieces(rows.lengths, context=context) if _learns(rows, part)]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each piece."""
        return np.array([part.length for part in self._parts], dtype=np.int64)

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """As the lengths: a batch is padded to its longest."""
        return self.lengths

    def at(self, number: int, *, draw: int) -> Example:
        """Return a piece."""
        del draw
        ids, labels = _causal(self._rows, self._parts[number])
        return Example(ids=ids, labels=labels, kept=bool(self._rows.kept[self._parts[number].row]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """How tokens are hidden from a masked language model.

    Source: Devlin et al. 2019, BERT, section 3.1: 80% of those chosen become the mask, 10% another token, 10% stay.

    Args:
        share: of a row's learnt tokens, at least one is chosen.
        token: the mask.
        vocabulary: number of tokens that another one is drawn from.
        seed: of every choice.
    """

    share: float
    token: int
    vocabulary: int
    seed: int

    def hide(
        self, ids: npt.NDArray[np.int64], maskable: npt.NDArray[np.bool_], draw: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the row with tokens hidden, and the labels that say which these were; the same draw hides the same."""
        random = np.random.default_rng((self.seed, draw))
        places = np.flatnonzero(maskable)
        chosen = places[random.random(len(places)) < self.share]
        if not len(chosen):
            chosen = places[[int(random.integers(len(places)))]]
        labels = np.full(len(ids), IGNORED, dtype=np.int64)
        labels[chosen] = ids[chosen]
        dice = random.random(len(chosen))
        others = random.integers(self.vocabulary, size=len(chosen))
        hidden = ids.copy()
        hidden[chosen] = np.where(dice < 0.8, self.token, np.where(dice < 0.9, others, ids[chosen]))  # noqa: PLR2004 - as published
        return hidden, labels


class Masked:
    """Rows of a masked language model, their masks drawn anew in every epoch."""

    def __init__(self, rows: Rows, masking: Masking) -> None:
        self._rows, self._masking = rows, masking

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row."""
        return self._rows.lengths

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """As the lengths: a batch is padded to its longest."""
        return self.lengths

    def at(self, number: int, *, draw: int) -> Example:
        """Return a row with tokens hidden."""
        span = _span(self._rows, number)
        ids, labels = self._masking.hide(self._rows.tokens[span].astype(np.int64), self._rows.learnt[span], draw)
        return Example(ids=ids, labels=labels, kept=bool(self._rows.kept[number]))


class Classified:
    """Rows of a classifier, each with its class."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row."""
        return self._rows.lengths

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """As the lengths: a batch is padded to its longest."""
        return self.lengths

    def at(self, number: int, *, draw: int) -> Example:
        """Return a row."""
        del draw
        ids = self._rows.tokens[_span(self._rows, number)].astype(np.int64)
        return Example(ids=ids, labels=np.array(self._rows.classes[number]), kept=bool(self._rows.kept[number]))


def collate(examples: Sequence[Example], *, filler: int) -> dict[str, torch.Tensor]:
    """Return a batch: packed sequences folded, others padded on the right to the longest, with the mask that says so.

    Where the model should stay as it is on some rows, these are the last ones, and ``KEPT`` says which, bool [rows].

    Args:
        examples: of one kind.
        filler: token of the padding.
    """
    import torch

    examples = sorted(examples, key=lambda example: example.kept)
    longest = max(len(example.ids) for example in examples)
    ids = torch.from_numpy(np.stack([_padded(example.ids, longest, filler) for example in examples]))
    if examples[0].positions is not None:
        positions = np.stack([example.positions for example in examples if example.positions is not None])
        labels = np.stack([example.labels for example in examples])
        whole = {"input_ids": ids, "position_ids": torch.from_numpy(positions), "labels": torch.from_numpy(labels)}
        width = max(example.width for example in examples)
        folded = longest % width == 0
        batch = {name: values.view(-1, width) for name, values in whole.items()} if folded else whole
        return _with_kept(batch, examples)
    seen = np.stack([np.arange(longest) < len(example.ids) for example in examples])
    if examples[0].labels.ndim:
        labels = np.stack([_padded(example.labels, longest, IGNORED) for example in examples])
    else:
        labels = np.stack([example.labels for example in examples])
    batch = {
        "input_ids": ids,
        "attention_mask": torch.from_numpy(seen.astype(np.int64)),
        "labels": torch.from_numpy(labels),
    }
    return _with_kept(batch, examples)


def _with_kept(batch: dict[str, torch.Tensor], examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    import torch

    kept = torch.tensor([example.kept for example in examples])
    if kept.any():
        batch[KEPT] = kept.repeat_interleave(len(batch["input_ids"]) // len(examples))
    return batch


def _padded(row: npt.NDArray[np.int64], width: int, filler: int) -> npt.NDArray[np.int64]:
    return np.pad(row, (0, width - len(row)), constant_values=filler)


def _span(rows: Rows, number: int) -> slice:
    return slice(int(rows.bounds[number]), int(rows.bounds[number + 1]))


def _causal(rows: Rows, part: Piece) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return a piece's tokens and labels; its first token is only context."""
    begin = int(rows.bounds[part.row])
    span = slice(begin + part.start, begin + part.stop)
    ids = rows.tokens[span].astype(np.int64)
    labels = np.where(rows.learnt[span], ids, IGNORED)
    labels[0] = IGNORED
    return ids, labels


def _learns(rows: Rows, part: Piece) -> bool:
    begin = int(rows.bounds[part.row])
    return bool(rows.learnt[begin + part.start + 1 : begin + part.stop].any())

"""What a network says at places of texts: through transformers, side by side with padding, or packed where both agree.

A *head* is the last part of a network, which goes from hidden states to tokens or classes. It is only given the states
that are asked for: the one that spans a vocabulary costs a fifth of BERT's work on all tokens, and more than half of a
small one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import structlog

from driftwatch.features.batches import by_tokens
from driftwatch.features.loading import check_rows, token_rows
from driftwatch.features.packed.blueprint import UnpackableError, read_blueprint
from driftwatch.features.packed.network import PackedNetwork
from driftwatch.features.packed.parity import SAMPLE
from driftwatch.features.packed.tensors import Tensors
from driftwatch.features.runtime import GPU_BATCH, device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch
    from transformers import PreTrainedModel

    from driftwatch.features.network import Network
    from driftwatch.features.packed.heads import Head

log = structlog.get_logger()

APART = 1e-3
"""Nats by which any output's log-probability may differ from transformers'; float32 leaves a hundredth of it."""
_TOKENS = 2_048
"""Of a batch; 32 times as many on a GPU."""
_LOGITS = 1 << 24
"""Numbers that a head gives at once (64 MiB)."""
_CHECKED = (2, 4, 6, 8, 10, 13, 17)
"""Of the sample of odd texts: a letter, a question, accents, Chinese, emoji, special tokens' names, three sentences."""
_CHECKED_TOKENS = 160


class Answers(Protocol):
    """Says what a network gives at places of rows."""

    def batches(self, rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Yield the places of rows that go through the network at once, rows without tokens left out.

        Raises:
            ModelError: the tokenizer is not the model's own.
        """
        ...

    def logits(self, rows: Sequence[Sequence[int]], places: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
        """Yield the outputs at the places, row after row, [some, outputs] at a time.

        Args:
            rows: token ids of one batch, in its order.
            places: of each row; classes are those of the row, whatever the place.
        """
        ...


@dataclass(frozen=True, slots=True)
class Padded:
    """Through transformers' own network.

    Args:
        network: of any architecture.
        together: whether rows of different lengths may be padded to one.
    """

    network: Network
    together: bool

    def batches(self, rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Yield batches; as ``Answers``."""
        return self.network.batches(rows, together=self.together)

    def logits(self, rows: Sequence[Sequence[int]], places: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
        """Yield outputs; as ``Answers``."""
        import torch

        owners = torch.from_numpy(np.repeat(np.arange(len(rows)), list(map(len, places))))
        at = torch.tensor([place for each in places for place in each], dtype=torch.long)
        narrowed = False

        def narrow(_layer: torch.nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            nonlocal narrowed
            hidden: torch.Tensor = given[0]
            if hidden.ndim != 3 or len(hidden) != len(rows):  # noqa: PLR2004 - [rows, places, width]
                return given
            narrowed = True
            return (hidden[owners.to(hidden.device), at.to(hidden.device)][None], *given[1:])

        model: Any = self.network.model
        head = model.get_output_embeddings()
        hook = head.register_forward_pre_hook(narrow) if head is not None else None
        try:
            found, _ = self.network.logits(rows)
        finally:
            if hook is not None:
                hook.remove()
        if head is None:
            yield found
        else:
            yield found[0] if narrowed else found[owners.to(found.device), at.to(found.device)]


class Packed:
    """Without padding: an encoder of BERT's family, and of its head only what is asked for.

    Args:
        network: whose weights these are.
        head_of: finds its head.

    Raises:
        UnpackableError: its network is none that can be packed.
    """

    def __init__(self, network: Network, head_of: Callable[[PreTrainedModel], Head]) -> None:
        blueprint = read_blueprint(network.path)
        self._network, self._head = network, head_of(network.model)
        self._inner = PackedNetwork(
            blueprint,
            Tensors.of_network(network.model),
            longest=network.context,
            dtype=network.model.dtype,
            device=device(),
        )

    def batches(self, rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Yield batches; as ``Answers``."""
        check_rows(rows, self._network.model, self._network.path)
        some = [place for place, row in enumerate(rows) if row]
        budget = _TOKENS * (GPU_BATCH if device() == "cuda" else 1)
        for batch in by_tokens([len(rows[place]) for place in some], budget=budget):
            yield [some[index] for index in batch]

    def logits(self, rows: Sequence[Sequence[int]], places: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
        """Yield outputs; as ``Answers``."""
        import torch

        sizes = np.fromiter(map(len, rows), np.int64, len(rows))
        starts = np.cumsum(sizes) - sizes
        asked = np.concatenate([start + np.asarray(each, np.int64) for start, each in zip(starts, places, strict=True)])
        states = self._inner.states(rows, asked)
        outputs = int(self._network.model.config.get_text_config().vocab_size)
        with torch.inference_mode():
            step = max(1, _LOGITS // outputs)
            for start in range(0, len(states), step):
                yield self._head(states[start : start + step])


def packed_or_padded(network: Network, head_of: Callable[[PreTrainedModel], Head], *, together: bool) -> Answers:
    """Return how a network is asked; where it cannot be packed, the log says why.

    What a packed one needs no more of transformers' own is let go.

    Args:
        network: with the head.
        head_of: finds it.
        together: whether rows of different lengths may be padded to one.
    """
    padded = Padded(network, together=together)
    try:
        packed = Packed(network, head_of)
    except UnpackableError as reason:
        log.info("scored_plain", model=str(network.path), reason=str(reason))
        return padded
    apart = _apart(packed, padded, network)
    if apart <= APART:
        _let_go(network.model)
        return packed
    log.warning(
        "scored_plain",
        model=str(network.path),
        reason="packed, its answers are not those of transformers",
        apart=round(apart, 6),
        limit=APART,
    )
    return padded


def _apart(packed: Packed, padded: Padded, network: Network) -> float:
    """Return by how much log-probabilities differ at most, over odd texts, packed together and one by one padded."""
    limit = min(network.context, _CHECKED_TOKENS)
    bodies = [SAMPLE[place] for place in _CHECKED]
    rows = [row for row in token_rows(network.tokenizer, bodies, special=True, longest=limit) if row]
    rows.sort(key=len, reverse=True)
    places = [sorted({0, len(row) // 2, len(row) - 1}) for row in rows]
    check_rows(rows, network.model, network.path)
    alone = [each for row, some in zip(rows, places, strict=True) for each in padded.logits([row], [some])]
    return _farthest(list(packed.logits(rows, places)), alone, places)


def _farthest(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor], places: Sequence[Sequence[int]]) -> float:
    import torch

    found, wanted = torch.cat(list(ours)), torch.cat(list(theirs))
    if len(wanted) == len(places):  # classes are told once a row, packed at each place: the first one's count
        firsts = np.cumsum([0, *map(len, places[:-1])])
        found = found[torch.from_numpy(firsts).to(found.device)]
    apart = (found.double().log_softmax(-1) - wanted.double().log_softmax(-1)).abs().max().item()
    return apart if np.isfinite(apart) else np.inf


def _let_go(model: PreTrainedModel) -> None:
    """Drop transformers' layers, which have been packed; embeddings and head are shared."""
    import torch

    body: Any = model.base_model
    if hasattr(body, "encoder"):
        body.encoder.layer = torch.nn.ModuleList()
    else:
        body.transformer.layer = torch.nn.ModuleList()

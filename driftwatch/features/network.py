"""A champion's network and tokenizer, loaded to score texts in float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.features.batches import by_length
from driftwatch.features.loading import check_rows, load_tokenizer, load_weights, padded, positions
from driftwatch.features.model import inspect_model, model_digest
from driftwatch.features.runtime import device, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.models.auto.auto_factory import _BaseAutoModelClass

    from driftwatch.domain.features import Digest
    from driftwatch.features.model import Family

_BATCH_TOKENS = 1_024
_BATCH_LOGITS = 1 << 26
"""Numbers in a batch's logits (256 MiB): with a vocabulary of 50,000 a batch has at most 1,300 tokens."""
_LONGEST = 2_048
"""Models of a long context score no more of a text than this, so that one text cannot fill the memory."""


@dataclass(frozen=True, slots=True)
class Network:
    """What every family of models is scored with.

    Args:
        path: of the model, links resolved.
        model: ready for use.
        tokenizer: its own.
        context: most tokens of a text that the model takes, special ones included.
        digest: identity of weights, configuration and tokenizer.
    """

    path: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    context: int
    digest: Digest

    def batches(self, rows: Sequence[Sequence[int]], *, together: bool = True) -> Iterator[list[int]]:
        """Yield the places of rows that go through the network at once, rows without tokens left out.

        Args:
            rows: token ids.
            together: whether rows of different lengths may be padded to one.

        Raises:
            ModelError: the tokenizer is not the model's own.
        """
        check_rows(rows, self.model, self.path)
        places = [place for place, row in enumerate(rows) if row]
        outputs = int(self.model.config.get_text_config().vocab_size)
        budget = min(_BATCH_TOKENS, _BATCH_LOGITS // outputs) if together else 1
        for batch in by_length([len(rows[place]) for place in places], budget=budget):
            yield [places[index] for index in batch]

    def logits(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the network's answer to a batch, and the batch's padded ids."""
        import torch

        fill = self.model.config.get_text_config().pad_token_id
        ids, mask = padded(rows, device=device(), fill=fill if fill is not None and fill >= 0 else None)
        with torch.inference_mode():
            answer: torch.Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return answer, ids

    def check(self, nats: npt.NDArray[np.float64]) -> None:
        """Refuse losses that are no numbers.

        Raises:
            ModelError: one is none.
        """
        if not np.isfinite(nats).all():
            raise ModelError(
                "the model gave losses that are no numbers", where=str(self.path), cure="check its weights"
            )


def load_network(folder: Path, family: Family, kind: str, *, threads: int) -> Network:
    """Load a model of a family.

    Args:
        folder: of the model.
        family: that it must be of.
        kind: transformers' class for it.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used or holds no such model.
    """
    looked_at = inspect_model(folder)
    if looked_at.family is not family:
        raise ModelError(
            f"this model is {looked_at.family.value}, not {family.value}",
            where=str(folder),
            cure=f"give a {family.value} model",
        )
    prepare(threads)
    import torch
    import transformers

    automatic: type[_BaseAutoModelClass] = getattr(transformers, kind)
    tokenizer = load_tokenizer(looked_at.path)
    model = load_weights(automatic, looked_at.path, dtype=torch.float32, device=device())
    model.config.use_cache = False
    return Network(
        path=looked_at.path,
        model=model,
        tokenizer=tokenizer,
        context=min(positions(model) or _LONGEST, _LONGEST),
        digest=model_digest(looked_at.path),
    )

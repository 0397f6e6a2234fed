"""Sampled continuations of a causal network: the same seed gives the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError
from driftwatch.features.loading import check_rows
from driftwatch.features.runtime import device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.features.network import Network


def written(network: Network, rows: Sequence[Sequence[int]], *, each: int, tokens: int, seed: int) -> list[list[str]]:
    """Return ``each`` continuations of every row, drawn from the model's own distribution at temperature 1.

    Args:
        network: a causal one.
        rows: prompts' token ids.
        each: continuations of a prompt.
        tokens: most tokens of a continuation.
        seed: of the draws; torch's own state is left as it was.

    Raises:
        ModelError: a prompt is empty or leaves no room, or the tokenizer is not the model's own.
    """
    import torch

    check_rows(rows, network.model, network.path)
    if any(not 0 < len(row) <= network.context - tokens for row in rows):
        raise ModelError(
            f"a prompt leaves no room for {tokens} tokens in a context of {network.context}",
            where=str(network.path),
            cure="ask for fewer tokens",
        )
    model: Any = network.model
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        return [_continued(model, network, row, each=each, tokens=tokens) for row in rows]


def _continued(model: Any, network: Network, row: Sequence[int], *, each: int, tokens: int) -> list[str]:  # noqa: ANN401 - generate is not typed
    import torch

    prompt = torch.tensor([list(row)], device=device())
    end = network.tokenizer.eos_token_id
    found = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        num_return_sequences=each,
        max_new_tokens=tokens,
        pad_token_id=end if end is not None else 0,
        use_cache=True,
    )
    said: list[str] = network.tokenizer.batch_decode(found[:, len(row) :], skip_special_tokens=True)
    return said

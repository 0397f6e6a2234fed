"""The champion's losses a second: sentences side by side with padding, and packed, what they share once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.bias.pretrained import pretrained
from benchmarks.encode.clock import in_turns, products_rate
from benchmarks.encode.restoring import restoring
from benchmarks.peers.environment import cache_folder
from benchmarks.table import Row, at_most
from driftwatch.domain.chat import chat_tokens
from driftwatch.domain.text import Text, Turn
from driftwatch.features.causal import CausalModel
from driftwatch.features.model import Family
from driftwatch.features.network import load_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from driftwatch.features.network import Network

_APART = 1e-5
_PROMPT = (
    "You are the assistant of a small shop for kitchen tools. Answer in two or three sentences, in the customer's "
    "language. Never promise a date of delivery; ask for the order's number where it is missing, and hand over to a "
    "person when the customer asks for one, is angry, or writes about an injury. Prices are in euros and hold taxes. "
    "Returns are free within thirty days; broken things are replaced at once, without asking for a photograph. "
)
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Row:
    """A text's tokens, and which of them are predicted."""

    ids: Sequence[int]
    said: Sequence[bool]


def scoring(texts: Sequence[str], *, device: str, rounds: int) -> Iterator[Row]:
    """Yield rows of texts a second, of all three families, and how far their losses part from those of other ways.

    Of causal models a pretrained one of 135M parameters (SmolLM2) is scored, single texts and chats under one system
    prompt; all in float32, as always.

    Args:
        texts: to score; a quarter of them, as they cost far more than their embeddings.
        device: ``cpu`` or ``cuda``.
        rounds: of all ways, one after the other.
    """
    folder = pretrained(cache_folder().with_name("bias") / "pretrained")
    some = texts[: max(8, len(texts) // 4)]
    model, network = CausalModel(folder), load_network(folder, Family.CAUSAL, "AutoModelForCausalLM", threads=1)
    rate = products_rate(device, half=False)
    yield from _rows(model, network, "texts", [_text(body) for body in some], rate, device=device, rounds=rounds)
    chats = [_chat(before, after) for before, after in zip(some[0::2], some[1::2], strict=False)]
    yield from _rows(model, network, "chats under one system prompt", chats, rate, device=device, rounds=rounds)
    yield from restoring(some, at=_AT, device=device, rounds=rounds)


def _rows(
    model: CausalModel, network: Network, kind: str, texts: Sequence[Text], rate: float, *, device: str, rounds: int
) -> Iterator[Row]:
    ours, theirs = partial(_scored, model, texts), partial(_side_by_side, network, _rows_of(network, texts))
    model.score(texts[:4])
    found, seconds = in_turns({"ours": ours, "theirs": theirs}, device, rounds=rounds)
    unit = "CPU-s" if device == "cpu" else "s"
    tokens = sum(len(row.ids) for row in _rows_of(network, texts))
    yield Row(
        measure=f"{kind} ({tokens / len(texts):.0f} tokens): packed against sorted and padded, texts per {unit}",
        driftwatch=len(texts) / seconds["ours"],
        peer=len(texts) / seconds["theirs"],
    )
    worth = 2 * sum(weight.numel() for weight in network.model.parameters()) * tokens / seconds["ours"]
    yield Row(
        measure=f"… products that a text alone needs, over the measured rate ({rate / 1e9:,.0f} GFLOP/s)",
        driftwatch=worth / rate,
    )
    apart = np.abs(found["ours"] - found["theirs"]) / np.maximum(1.0, found["theirs"])
    yield at_most("… most that a text's loss differs, relatively", float(apart.max()), _APART)


def _scored(model: CausalModel, texts: Sequence[Text]) -> npt.NDArray[np.float64]:
    return model.score(texts).nats


def _side_by_side(network: Network, rows: Sequence[_Row]) -> npt.NDArray[np.float64]:
    """Return the losses of rows sorted by length and padded in batches, all logits taken: without shared beginnings."""
    import torch
    from torch.nn.functional import cross_entropy

    found = np.zeros(len(rows), np.float64)
    for batch in network.batches([row.ids for row in rows]):
        logits, ids = network.logits([rows[place].ids for place in batch])
        for number, place in enumerate(batch):
            last = len(rows[place].ids) - 1
            each = cross_entropy(logits[number, :last], ids[number, 1 : last + 1], reduction="none")
            found[place] = each[torch.tensor(rows[place].said[1:], device=each.device)].double().sum().item()
    return found


def _rows_of(network: Network, texts: Sequence[Text]) -> list[_Row]:
    found = []
    for text in texts:
        if text.turns:
            chat = chat_tokens(network.tokenizer, text.turns).last(network.context)
            found.append(_Row(chat.ids, chat.said))
        else:
            ids = [network.tokenizer.bos_token_id, *network.tokenizer(text.body, add_special_tokens=False)["input_ids"]]
            found.append(_Row(ids[: network.context], [True] * min(len(ids), network.context)))
    return found


def _text(body: str) -> Text:
    return Text(id=body, body=body, seen_at=_AT)


def _chat(question: str, answer: str) -> Text:
    turns = (
        Turn(role="system", content=_PROMPT),
        Turn(role="user", content=question),
        Turn(role="assistant", content=answer),
    )
    return Text(id=question, body=answer, seen_at=_AT, turns=turns)

"""What a run trains on and is judged by, with the card that says where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping  # noqa: TC003 - msgspec reads the annotations
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.errors import RunError
from driftwatch.domain.protocols import GateData
from driftwatch.domain.text import Text
from driftwatch.retrain.folders import MANIFEST, differs, file_hashes, written_aside

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCard:
    """How many texts went where, and why.

    Args:
        seed: of every choice made.
        fresh: fresh texts looked at.
        left_out: fresh texts left out, by reason: ``empty``, ``duplicate``, ``near-duplicate`` (equal but for
            case, digits, punctuation and spacing), ``reserved`` (equal to a held-out reference text),
            ``group-cap``, ``over-limit``.
        train: fresh texts trained on.
        select: fresh texts for choosing between rounds.
        judge: fresh texts for the final word.
        groups: distinct groups among the fresh texts used; a text without one counts as its own.
        group_cap: most texts of one group.
        reference: replayable texts offered.
        replay: of those, trained on again.
        replay_wanted: how many the recipe asks for.
        remembered: of those, held out for judging what is forgotten.
    """

    seed: int
    fresh: int
    left_out: Mapping[str, int]
    train: int
    select: int
    judge: int
    groups: int
    group_cap: int
    reference: int
    replay: int
    replay_wanted: int
    remembered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Disjoint sets of texts: no body, but for case, digits, punctuation and spacing, is in two of them.

    Args:
        fresh: new texts to train on.
        replay: reference texts to train on again.
        select: new texts for choosing between rounds, never trained on.
        judge: new texts for the final word, seen by nothing else.
        remembered: reference texts that no run replays, for judging what is forgotten.
        card: the counts.
    """

    fresh: tuple[Text, ...]
    replay: tuple[Text, ...]
    select: tuple[Text, ...]
    judge: tuple[Text, ...]
    remembered: tuple[Text, ...]
    card: DataCard

    @property
    def train(self) -> tuple[Text, ...]:
        """Everything trained on; the trainer mixes the order."""
        return self.fresh + self.replay

    @property
    def selection(self) -> GateData:
        """What a round's candidate is looked at with, to choose whether to go on."""
        return GateData(fresh=self.select, reference=self.remembered)

    @property
    def judgement(self) -> GateData:
        """What the last candidate is judged by."""
        return GateData(fresh=self.judge, reference=self.remembered)


_PARTS = ("fresh", "replay", "select", "judge", "remembered")
_CARD = "card.json"


def save_mix(mix: Mix, folder: Path) -> None:
    """Write the mix as JSON Lines with its card and hashes; the folder appears whole or not at all.

    A mix that is already there stays: a run collects once.
    """
    if folder.exists():
        return
    with written_aside(folder) as aside:
        for part, texts in zip(_PARTS, _texts_of(mix), strict=True):
            _write_lines(aside / f"{part}.jsonl", texts)
        (aside / _CARD).write_bytes(msgspec.json.format(msgspec.json.encode(mix.card)))
        (aside / MANIFEST).write_text(json.dumps({"files": file_hashes(aside)}, indent=2))


def load_mix(folder: Path) -> Mix:
    """Read a saved mix.

    Raises:
        RunError: the folder is not as it was written.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict[str, dict[str, str]])
        if changed := differs(folder, manifest["files"]):
            raise RunError("the run's training data changed since it was collected", where=str(folder / changed))
        fresh, replay, select, judge, remembered = (_read_lines(folder / f"{part}.jsonl") for part in _PARTS)
        card = msgspec.json.decode((folder / _CARD).read_bytes(), type=DataCard)
    except (OSError, KeyError, msgspec.DecodeError) as error:
        raise RunError(f"the run's training data cannot be read: {error}", where=str(folder)) from error
    return Mix(fresh=fresh, replay=replay, select=select, judge=judge, remembered=remembered, card=card)


def _texts_of(mix: Mix) -> tuple[tuple[Text, ...], ...]:
    return mix.fresh, mix.replay, mix.select, mix.judge, mix.remembered


def _write_lines(file: Path, texts: Iterable[Text]) -> None:
    encoder = msgspec.json.Encoder()
    with file.open("wb") as stream:
        stream.writelines(chain.from_iterable((encoder.encode(text), b"\n") for text in texts))


def _read_lines(file: Path) -> tuple[Text, ...]:
    decoder = msgspec.json.Decoder(Text)
    with file.open("rb") as stream:
        return tuple(decoder.decode(line) for line in stream)

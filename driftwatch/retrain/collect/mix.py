"""What a run trains on and is judged by, on disk: a part is read when it is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, overload

import msgspec

from driftwatch.domain.errors import RunError
from driftwatch.domain.text import Text
from driftwatch.retrain.collect.card import DataCard
from driftwatch.retrain.folders import MANIFEST, differs, file_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PARTS = ("fresh", "replay", "select", "judge", "remembered", "canaries")
"""The files of a mix, without ``.jsonl``."""

COUNTERFACTUAL = "counterfactual"
"""One more; mixes collected before it was thought of have none."""

CARD = "card.json"


class Part(Sequence[Text]):
    """Texts of JSON Lines files, one after another; only the places of lines are in memory.

    Args:
        files: to read.

    Raises:
        OSError: one of them cannot be read.
    """

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._starts = [_line_starts(file) for file in files]
        self._before = [0, *accumulate(len(starts) for starts in self._starts)]
        self._decoder = msgspec.json.Decoder(Text)

    __hash__ = None  # type: ignore[assignment]  # as a list: equal by what it holds

    def __eq__(self, other: object) -> bool:
        """Whether the other holds the same texts in the same order, in whatever way."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    def __len__(self) -> int:
        return self._before[-1]

    def __iter__(self) -> Iterator[Text]:
        for file in self._files:
            with file.open("rb") as stream:
                for line in stream:
                    yield self._decoder.decode(line)

    @overload
    def __getitem__(self, place: int) -> Text: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Text, ...]: ...

    def __getitem__(self, place: int | slice) -> Text | tuple[Text, ...]:
        wanted = range(len(self))[place]
        if isinstance(wanted, range):
            return self._read(wanted)
        return self._read([wanted])[0]

    def _read(self, places: Iterable[int]) -> tuple[Text, ...]:
        with ExitStack() as stack:
            streams = [stack.enter_context(file.open("rb")) for file in self._files]
            return tuple(self._decoder.decode(self._line(streams, place)) for place in places)

    def _line(self, streams: Sequence[BinaryIO], place: int) -> bytes:
        which = next(n for n, before in enumerate(self._before[1:]) if place < before)
        streams[which].seek(self._starts[which][place - self._before[which]])
        return streams[which].readline()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Disjoint sets of texts: no two are near duplicates, within a set or across.

    Args:
        fresh: new texts to train on.
        replay: reference texts to train on again.
        select: new texts for choosing between rounds, never trained on.
        judge: new texts for the final word, seen by nothing else.
        remembered: reference texts that no run replays, for judging what is forgotten.
        canaries: texts of flagged clusters, never trained on; what is learnt of them came in despite the caps.
        counterfactual: copies of fresh texts about another group, trained on beside them and nothing else.
        taught: fresh and counterfactual texts.
        train: these and replayed texts; the trainer mixes the order.
        card: the counts.
    """

    fresh: Sequence[Text]
    replay: Sequence[Text]
    select: Sequence[Text]
    judge: Sequence[Text]
    remembered: Sequence[Text]
    canaries: Sequence[Text]
    counterfactual: Sequence[Text]
    taught: Sequence[Text]
    train: Sequence[Text]
    card: DataCard


def part_file(folder: Path, part: str) -> Path:
    """Return the file of a part."""
    return folder / f"{part}.jsonl"


def write_part(folder: Path, part: str, texts: Iterable[Text]) -> int:
    """Write a part as JSON Lines, and return how many texts it has."""
    encoder, count = msgspec.json.Encoder(), 0
    with part_file(folder, part).open("wb") as stream:
        for text in texts:
            stream.write(encoder.encode(text) + b"\n")
            count += 1
    return count


def seal(folder: Path, card: DataCard) -> None:
    """Write the card and, last, the hashes of everything in the folder."""
    (folder / CARD).write_bytes(msgspec.json.format(msgspec.json.encode(card)))
    (folder / MANIFEST).write_text(json.dumps({"files": file_hashes(folder)}, indent=2))


def load_mix(folder: Path) -> Mix:
    """Open a collected mix.

    Raises:
        RunError: the folder is not as it was written.
    """
    try:
        card = load_card(folder)
        parts = {part: Part(part_file(folder, part)) for part in PARTS}
        copies = [file for file in (part_file(folder, COUNTERFACTUAL),) if file.exists()]
        taught = (part_file(folder, "fresh"), *copies)
        train = Part(*taught, part_file(folder, "replay"))
    except OSError as error:
        raise _unreadable(folder, error) from error
    return Mix(**parts, counterfactual=Part(*copies), taught=Part(*taught), train=train, card=card)


def load_card(folder: Path) -> DataCard:
    """Read a collected mix's card, its folder checked.

    Raises:
        RunError: the folder is not as it was written.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict[str, dict[str, str]])
        if changed := differs(folder, manifest["files"]):
            raise RunError(
                "the run's training data changed since it was collected",
                where=str(folder / changed),
                cure="cancel the run and ask for another",
            )
        return msgspec.json.decode((folder / CARD).read_bytes(), type=DataCard)
    except (OSError, KeyError, msgspec.DecodeError) as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: Exception) -> RunError:
    return RunError(
        f"the run's training data cannot be read: {error}",
        where=str(folder),
        cure="cancel the run and ask for another",
    )


def _line_starts(file: Path) -> list[int]:
    with file.open("rb") as stream:
        return list(accumulate((len(line) for line in stream), initial=0))[:-1]

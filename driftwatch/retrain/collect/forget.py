"""Takes a group's texts out of what a run collected, and what could repeat them out of its data card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.text import Text
from driftwatch.retrain.collect.card import DataCard
from driftwatch.retrain.collect.mix import CARD, COUNTERFACTUAL, PARTS, part_file
from driftwatch.retrain.folders import MANIFEST, file_hashes, flush, write_whole

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def group_texts(folder: Path, group: str) -> list[Text]:
    """Return a group's texts in a run's data, and the copies made of them; none where nothing was collected."""
    decoder = msgspec.json.Decoder(Text)
    found = []
    for part in (*PARTS, COUNTERFACTUAL):
        file = part_file(folder, part)
        if file.is_file():
            with file.open("rb") as lines:
                found += [text for line in lines if (text := decoder.decode(line)).group == group]
    return found


def forget_group(folder: Path, group: str, *, ids: Collection[str]) -> DataCard | None:
    """Take a group's texts out of a run's data, and return the card that is left; None where there was nothing to do.

    Done again after a crash it ends what was begun: a mark beside the folder says so, and the manifest, which holds
    all files together, comes last.

    Args:
        folder: of the run's data.
        group: whose texts.
        ids: of its texts.
    """
    mark = folder.with_name(f".{folder.name}.forgetting")
    if not folder.is_dir() or not (mark.exists() or group_texts(folder, group)):
        return None
    mark.touch()
    flush(folder.parent)
    card = forget_in_card(folder / CARD, ids)
    for part in (*PARTS, COUNTERFACTUAL):
        _filter(part_file(folder, part), group)
    write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode({"files": file_hashes(folder)})))
    mark.unlink()
    return card


def forget_in_card(file: Path, ids: Collection[str]) -> DataCard:
    """Take out of a data card whatever may repeat texts: exemplars, shared words, and ids of what was trained on."""
    changed = msgspec.convert(_without(msgspec.json.decode(file.read_bytes()), frozenset(ids)), DataCard)
    write_whole(file, msgspec.json.format(msgspec.json.encode(changed)))
    return changed


def _without(value: object, ids: frozenset[str]) -> object:
    """Return a card's values without words of texts, wherever in it they stand."""
    if isinstance(value, list):
        return [_without(each, ids) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _kept(name, each, ids) for name, each in value.items()}


def _kept(name: str, value: object, ids: frozenset[str]) -> object:
    if name == "exemplars":
        return []
    if name == "phrase":
        return ""
    if name == "trained" and isinstance(value, list):
        return [each for each in value if each not in ids]
    return _without(value, ids)


def _filter(file: Path, group: str) -> None:
    if not file.is_file():
        return
    decoder = msgspec.json.Decoder(Text)
    with file.open("rb") as lines:
        kept = [line for line in lines if decoder.decode(line).group != group]
    write_whole(file, b"".join(kept))

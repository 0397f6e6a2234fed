"""References: chosen and split alike whatever the order, whole on disk or refused."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.errors import DataError, EncoderError
from driftwatch.domain.text import Turn
from driftwatch.drift.archive import load_reference, save_reference
from driftwatch.drift.reference import build_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftwatch.domain.features import Features
    from driftwatch.domain.text import Text
    from driftwatch.drift.reference import Built

BODIES = samples.known()[:700]


def build(
    bodies: Sequence[str],
    *,
    heldout: Sequence[str] = (),
    seed: int = 7,
    sample: int = 20_000,
    extract: Callable[[Sequence[Text]], Features] = samples.measured,
) -> Built:
    return build_reference(
        samples.texts(bodies),
        heldout=samples.texts(heldout),
        memory=samples.texts(BODIES[:5]),
        stream="docs",
        seed=seed,
        sample=sample,
        extract=extract,
        created_at=samples.NOON,
    )


def test_order_and_repeats_make_no_difference(tmp_path: Path) -> None:
    first = save_reference(build(BODIES).reference, tmp_path / "a")
    second = save_reference(build([*reversed(BODIES), *BODIES[:50]]).reference, tmp_path / "b")
    assert first.version == second.version
    for file in (tmp_path / "a" / first.version).iterdir():
        assert file.read_bytes() == (tmp_path / "b" / first.version / file.name).read_bytes()


def test_seed_and_content_change_the_version(tmp_path: Path) -> None:
    builds = [build(BODIES), build(BODIES, seed=8), build(BODIES[1:]), build(BODIES, sample=600)]
    assert len({save_reference(built.reference, tmp_path).version for built in builds}) == 4


def test_parts_are_disjoint_and_a_quarter_trains() -> None:
    reference = samples.reference(samples.known()[:3_000])
    train, cal = ({text.body for text in part.texts} for part in (reference.train, reference.cal))
    assert not train & cal
    assert train | cal == set(samples.known()[:3_000])
    assert 0.21 < len(train) / 3_000 < 0.29


def test_groups_are_chosen_and_split_whole() -> None:
    """Otherwise CAL depends on TRAIN, and holds large groups rather than small ones."""
    bodies = samples.known()[:3_000]
    sizes = {f"large {number}": 10 for number in range(150)} | {f"small {number}": 1 for number in range(1_500)}
    names = [name for name, size in sizes.items() for _ in range(size)]
    built = build_reference(
        samples.texts(bodies, groups=names),
        stream="docs",
        seed=7,
        sample=1_500,
        extract=samples.measured,
        created_at=samples.NOON,
    )
    parts = [Counter(text.group for text in part.texts) for part in (built.reference.train, built.reference.cal)]
    assert not set(parts[0]) & set(parts[1])
    held = parts[0] + parts[1]
    assert held.total() == 1_500
    assert sum(count < sizes[str(name)] for name, count in held.items()) <= 1
    assert 0.85 < sum(str(name).startswith("small") for name in held) / len(held) < 0.95


def test_features_stay_with_their_texts() -> None:
    part = build(BODIES).reference.cal
    alone = samples.features([text.body for text in part.texts])
    assert np.array_equal(part.features.embeddings.values, alone.embeddings.values)
    assert np.array_equal(part.features.tokens.ids, alone.tokens.ids)
    assert np.array_equal(part.features.tokens.indptr, alone.tokens.indptr)


@pytest.mark.parametrize("sample", [500, 20_000])
def test_learned_texts_are_never_held_out(sample: int) -> None:
    unseen = samples.new()[:20]
    reference = build(BODIES, heldout=[*BODIES[:200], *unseen], sample=sample).reference
    assert {text.body for text in reference.heldout.texts} == set(unseen)


def test_progress_reaches_the_end_in_chunks() -> None:
    seen: list[tuple[int, int]] = []
    build_reference(
        samples.texts(BODIES),
        stream="docs",
        seed=7,
        sample=20_000,
        extract=samples.measured,
        created_at=samples.NOON,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(256, 700), (512, 700), (700, 700)]


@pytest.mark.parametrize(("bodies", "count"), [([], "0 (of 0"), (BODIES[:499], "499"), ([" "] * 900, "0 (of 900")])
def test_too_few_texts_are_refused_with_their_number(bodies: Sequence[str], count: str) -> None:
    with pytest.raises(DataError, match="at least 500 distinct texts") as raised:
        build(bodies)
    assert count in str(raised.value)


def test_small_references_are_warned_about() -> None:
    assert "700 texts" in build(BODIES).warnings[0]


def test_embeddings_that_are_no_numbers_are_refused() -> None:
    def broken(texts: Sequence[Text]) -> Features:
        features = samples.measured(texts)
        values = np.full_like(features.embeddings.values, np.nan)
        return replace(features, embeddings=replace(features.embeddings, values=values))

    with pytest.raises(EncoderError, match="no numbers"):
        build(BODIES, extract=broken)


def test_classes_and_chats_are_kept(tmp_path: Path) -> None:
    chat = (Turn(role="user", content="Is it fine?"), Turn(role="assistant", content="It is."))
    bodies = samples.texts(BODIES)
    full = [replace(text, target=f"class {row % 3}", turns=chat, source="log") for row, text in enumerate(bodies)]
    built = build_reference(
        full,
        memory=full[:5],
        stream="docs",
        seed=7,
        sample=20_000,
        extract=samples.measured,
        created_at=samples.NOON,
    )
    saved = save_reference(built.reference, tmp_path)
    loaded = load_reference(tmp_path / saved.version)
    for part in (loaded.train.texts, loaded.cal.texts, loaded.memory):
        assert {text.turns for text in part} == {chat}
        assert {text.target for text in part} == {"class 0", "class 1", "class 2"}


def test_of_equal_bodies_the_order_decides_no_class() -> None:
    told = [replace(text, target=target) for target in ("b", "a") for text in samples.texts(BODIES)]
    parts = [
        build_reference(
            some,
            stream="docs",
            seed=7,
            sample=20_000,
            extract=samples.measured,
            created_at=samples.NOON,
        ).reference.cal.texts
        for some in (told, told[::-1])
    ]
    assert parts[0] == parts[1]


def test_a_reference_from_before_classes_and_chats_is_loaded(tmp_path: Path) -> None:
    """What an older driftwatch wrote: texts without source, target and turns."""
    saved = save_reference(build(BODIES).reference, tmp_path / "new")
    folder = tmp_path / "new" / saved.version
    texts = json.loads((folder / "texts.json").read_bytes())
    for part in texts.values():
        for text in part:
            for name in ("source", "target", "turns"):
                del text[name]
    content = json.dumps(texts, separators=(",", ":")).encode()
    (folder / "texts.json").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["texts.json"] = hashlib.sha256(content).hexdigest()
    changed = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(changed)
    old = folder.rename(folder.with_name("r" + hashlib.sha256(changed).hexdigest()[:12]))
    assert load_reference(old).cal.texts == saved.cal.texts


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = save_reference(build(BODIES, heldout=samples.new()[:20]).reference, tmp_path)
    loaded = load_reference(tmp_path / saved.version)
    assert (loaded.version, loaded.created_at, loaded.seed) == (saved.version, samples.NOON, 7)
    assert (loaded.cal.texts, loaded.memory) == (saved.cal.texts, saved.memory)
    values = loaded.heldout.features.embeddings.values
    assert np.allclose(values, saved.heldout.features.embeddings.values, atol=1e-3)
    assert np.allclose(np.linalg.norm(values, axis=1), 1, atol=1e-6)
    assert loaded.cal.features.losses is not None
    assert saved.cal.features.losses is not None
    assert np.array_equal(loaded.cal.features.losses.nats, saved.cal.features.losses.nats)
    assert [folder.name for folder in tmp_path.iterdir()] == [saved.version]


@pytest.mark.parametrize("name", ["manifest.json", "texts.json", "train.npz", "cal.npz", "heldout.npz", "stamp.json"])
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_damage_is_found_and_healed_by_building_again(tmp_path: Path, name: str, damage: str) -> None:
    reference = build(BODIES).reference
    folder = tmp_path / save_reference(reference, tmp_path).version
    content = (folder / name).read_bytes()
    if damage == "gone":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"\x00" + content[1:] if damage == "changed" else content[: len(content) // 2])
    with pytest.raises(DataError, match="build it again"):
        load_reference(folder)
    assert save_reference(reference, tmp_path).version == folder.name
    assert load_reference(folder).version == folder.name
    assert [each.name for each in tmp_path.iterdir()] == [folder.name]


def test_what_was_not_chosen_is_kept_as_hashes(tmp_path: Path) -> None:
    saved = save_reference(build(BODIES, sample=600).reference, tmp_path)
    folder = tmp_path / saved.version
    loaded = load_reference(folder)
    assert saved.others is not None
    assert loaded.others is not None
    assert len(saved.others) == len(BODIES) - 600
    assert np.array_equal(loaded.others, saved.others)
    assert build(BODIES).reference.others is None
    (folder / "others.npy").write_bytes(b"damaged")
    with pytest.raises(DataError, match="build it again"):
        load_reference(folder)


def test_a_missing_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no readable reference"):
        load_reference(tmp_path / "r123")

"""References on disk: a folder that is whole or not there, every file held by a hash."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import Reference, ReferencePart
from driftwatch.domain.errors import DataError
from driftwatch.domain.features import Digest, Embeddings, Features, TextLosses, Tier, TokenCounts
from driftwatch.domain.text import Text

MANIFEST = "manifest.json"
_PARTS = ("train", "cal", "heldout")
_OTHERS = "others.npy"
_CURE = "build it again: driftwatch reference build STREAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    stream: str
    seed: int
    encoder: str
    tokenizer: str
    champion: str | None
    vocabulary: int
    texts: Mapping[str, int]
    files: Mapping[str, str]
    tier: str | msgspec.UnsetType = msgspec.UNSET  # left out where there is none: such references keep their versions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    created_at: datetime


def save_reference(reference: Reference, references: Path) -> Reference:
    """Write the reference to ``references/<version>`` and return it with its version.

    The version is the first 12 digits of the manifest's hash, so equal references have equal versions; a whole one
    that is there already stays as it is, a damaged one is replaced.
    """
    references.mkdir(parents=True, exist_ok=True)
    aside = references / f".{uuid4().hex}"
    aside.mkdir()
    try:
        files = {name: _write(aside / name, content) for name, content in _contents(reference)}
        manifest = msgspec.json.format(msgspec.json.encode(_manifest(reference, files)))
        version = "r" + hashlib.sha256(manifest).hexdigest()[:12]
        _write(aside / MANIFEST, manifest)
        _write(aside / "stamp.json", msgspec.json.encode(_Stamp(created_at=reference.created_at)))
        _flush(aside)
        _put(aside, references / version)
        _flush(references)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return replace(reference, version=version)


def load_reference(folder: Path) -> Reference:
    """Read a reference, every file held against its hash.

    Raises:
        DataError: it is missing or damaged.
    """
    manifest = _read_manifest(folder)
    contents = {name: _read(folder / name, digest) for name, digest in manifest.files.items()}
    texts = msgspec.json.decode(contents["texts.json"], type=dict[str, tuple[Text, ...]])
    parts = {name: _part(texts[name], contents[f"{name}.npz"], manifest) for name in _PARTS}
    try:
        stamp = msgspec.json.decode((folder / "stamp.json").read_bytes(), type=_Stamp)
    except (OSError, msgspec.DecodeError):
        raise DataError("its time stamp is missing or damaged", where=str(folder), cure=_CURE) from None
    return Reference(
        stream=manifest.stream,
        version=folder.name,
        created_at=stamp.created_at,
        seed=manifest.seed,
        encoder=Digest(manifest.encoder),
        tokenizer=Digest(manifest.tokenizer),
        champion=Digest(manifest.champion) if manifest.champion else None,
        memory=texts["memory"],
        others=_others(contents.get(_OTHERS)),
        tier=_tier_digest(manifest),
        **parts,
    )


def reference_encoders(folder: Path) -> tuple[Digest, Digest | None]:
    """Return the encoder that read every text of a reference, and the transformer tier's, without reading its texts.

    Raises:
        DataError: the reference is missing, or its manifest damaged.
    """
    manifest = _read_manifest(folder)
    return Digest(manifest.encoder), _tier_digest(manifest)


def _put(aside: Path, target: Path) -> None:
    """Move the folder to its place; another process may be first with the same content."""
    if target.exists() and not _whole(target):
        target.rename(aside.with_name(f"{aside.name}-damaged"))
        shutil.rmtree(aside.with_name(f"{aside.name}-damaged"), ignore_errors=True)
    try:
        aside.rename(target)
    except OSError:
        if not _whole(target):
            raise


def _whole(folder: Path) -> bool:
    try:
        load_reference(folder)
    except DataError:
        return False
    return True


def _contents(reference: Reference) -> Iterable[tuple[str, bytes]]:
    by_name = {"train": reference.train, "cal": reference.cal, "heldout": reference.heldout}
    texts = {name: part.texts for name, part in by_name.items()} | {"memory": reference.memory}
    yield "texts.json", msgspec.json.encode(texts)
    for name, part in by_name.items():
        yield f"{name}.npz", _arrays(part.features)
    if reference.others is not None:
        buffer = BytesIO()
        np.save(buffer, reference.others, allow_pickle=False)
        yield _OTHERS, buffer.getvalue()


def _arrays(features: Features) -> bytes:
    arrays: dict[str, Any] = {
        "embeddings": features.embeddings.values.astype(np.float16),
        "indptr": features.tokens.indptr,
        "ids": features.tokens.ids,
        "counts": features.tokens.counts,
    }
    if features.losses is not None:
        arrays |= {"nats": features.losses.nats, "tokens": features.losses.tokens}
    if features.tier is not None:
        arrays |= {"tier": features.tier.embeddings.values.astype(np.float16), "tier_rows": features.tier.rows}
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _others(content: bytes | None) -> npt.NDArray[np.uint32] | None:
    """Return what is kept of texts that were not chosen; earlier versions kept nothing."""
    if content is None:
        return None
    found: npt.NDArray[np.uint32] = np.load(BytesIO(content), allow_pickle=False)
    return found


def _part(texts: tuple[Text, ...], content: bytes, manifest: _Manifest) -> ReferencePart:
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        tier = _tier_digest(manifest)
        features = Features(
            embeddings=_unit(arrays["embeddings"], Digest(manifest.encoder)),
            tokens=TokenCounts(
                indptr=arrays["indptr"],
                ids=arrays["ids"],
                counts=arrays["counts"],
                vocabulary=manifest.vocabulary,
                digest=Digest(manifest.tokenizer),
            ),
            losses=None
            if manifest.champion is None
            else TextLosses(nats=arrays["nats"], tokens=arrays["tokens"], digest=Digest(manifest.champion)),
            tier=None if tier is None else Tier(rows=arrays["tier_rows"], embeddings=_unit(arrays["tier"], tier)),
        )
    return ReferencePart(texts=texts, features=features)


def _unit(kept: npt.NDArray[np.float16], digest: Digest) -> Embeddings:
    """Return embeddings as they were kept, their length 1 again."""
    values = kept.astype(np.float32)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return Embeddings(values=values / np.maximum(norms, 1e-12), digest=digest)


def _tier_digest(manifest: _Manifest) -> Digest | None:
    return None if isinstance(manifest.tier, msgspec.UnsetType) else Digest(manifest.tier)


def _manifest(reference: Reference, files: Mapping[str, str]) -> _Manifest:
    return _Manifest(
        stream=reference.stream,
        seed=reference.seed,
        encoder=reference.encoder,
        tokenizer=reference.tokenizer,
        champion=reference.champion,
        vocabulary=reference.train.features.tokens.vocabulary,
        texts={
            "train": len(reference.train.texts),
            "cal": len(reference.cal.texts),
            "heldout": len(reference.heldout.texts),
            "memory": len(reference.memory),
        },
        files=files,
        tier=reference.tier or msgspec.UNSET,
    )


def _read_manifest(folder: Path) -> _Manifest:
    file = folder / MANIFEST
    try:
        content = file.read_bytes()
        manifest = msgspec.json.decode(content, type=_Manifest)
    except (OSError, msgspec.DecodeError):
        raise DataError("there is no readable reference here", where=str(folder), cure=_CURE) from None
    if "r" + hashlib.sha256(content).hexdigest()[:12] != folder.name:
        raise DataError("the manifest was changed", where=str(file), cure=_CURE)
    return manifest


def _read(file: Path, digest: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError:
        raise DataError("a file of the reference is missing", where=str(file), cure=_CURE) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError("a file of the reference is damaged", where=str(file), cure=_CURE)
    return content


def _write(file: Path, content: bytes) -> str:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return hashlib.sha256(content).hexdigest()


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

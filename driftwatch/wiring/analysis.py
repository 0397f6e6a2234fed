"""Encoders and detectors of a stream. Everything heavy is imported when it is called."""

from __future__ import annotations

from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConflictError, NotFoundError
from driftwatch.retrain.folders import write_whole
from driftwatch.wiring.base import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.config import Config, StreamSettings
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.features import Features
    from driftwatch.domain.protocols import Model
    from driftwatch.domain.text import Text
    from driftwatch.drift.assess import Assessor
    from driftwatch.drift.drills.drill import Extract
    from driftwatch.drift.drills.settings import DrillSettings
    from driftwatch.features.extractor import Extractor

DETECTOR_SEED = 7
"""Of permutations and bootstraps: the same texts give the same results on every host."""
_ALONE = 2_000  # permutations of texts compared on their own: p-values down to 0.0005


def extractor(config: Config, settings: StreamSettings, *, champion: Path | None) -> Extractor:
    """Load a stream's encoders, tokenizer and champion.

    Raises:
        EncoderError: the encoder cannot be found or loaded.
        ModelError: the champion's folder cannot be used.
    """
    from driftwatch.features.counting import load_counter
    from driftwatch.features.encoder import find_folder, load_encoder
    from driftwatch.features.extractor import Extractor
    from driftwatch.features.loss import load_model

    threads, cache = config.daemon.threads, config.state_dir / "cache" / "encoders"
    encoder = load_encoder(settings.encoder, threads=threads, champion=champion, cache=cache)
    tier = None
    if settings.encoder.texts is not None:
        encoder, tier = load_encoder(settings.encoder.static, threads=threads, cache=cache), encoder
    counter = load_counter(champion if champion is not None else find_folder(settings.encoder.name))
    model = load_model(champion, threads=threads) if champion is not None else None
    return Extractor(encoder, counter, model, tier=tier)


def read_window(measured: Extractor, settings: StreamSettings, texts: Sequence[Text]) -> Features:
    """Return the features of a window's texts, each tier reading its part of them."""
    from driftwatch.drift.tiers import chosen

    most = settings.encoder.texts
    return measured.features(texts, closely=None if most is None else chosen(texts, most=most))


def scorer(config: Config, folder: Path) -> Model:
    """Load a model for its losses alone.

    Raises:
        ModelError: its folder cannot be used.
    """
    from driftwatch.features.loss import load_model

    return load_model(folder, threads=config.daemon.threads)


def assessor(
    settings: StreamSettings,
    reference: Path,
    states: Mapping[str, bytes],
    *,
    extract: Extract | None = None,
) -> Assessor:
    """Fit every detector to a reference as the stream's settings say, its monitors restarted from their states.

    Args:
        settings: of the stream.
        reference: folder.
        states: of the monitors.
        extract: returns the features of texts, for the stream's drills; None to leave those out.

    Raises:
        DataError: the reference is missing or damaged.
    """
    from driftwatch.drift.archive import load_reference
    from driftwatch.drift.assess import DETECTORS, Assessor
    from driftwatch.drift.drills.drill import Drill
    from driftwatch.drift.evidence.detector import EvidenceDetector

    evidence, loaded = EvidenceDetector(settings.evidence), load_reference(reference)
    drills: list[Drill] = []
    if extract is not None:
        drills = [
            Drill(
                each,
                detector=evidence,
                reference=loaded,
                read=partial(drill_texts, each),
                extract=extract,
                seed=DETECTOR_SEED,
                state=states.get(f"drill.{each.name}"),
            )
            for each in settings.drills
        ]
    detectors = {**DETECTORS, "evidence": evidence}
    return Assessor(loaded, seed=DETECTOR_SEED, states=states, detectors=detectors, drills=drills)


def drill_texts(drill: DrillSettings) -> list[Text]:
    """Return the texts of a drill's file.

    Raises:
        DataError: the file cannot be used.
    """
    from driftwatch.intake.training import read_training

    return list(read_training([drill.texts], field=drill.field))


def one_off(config: Config, stream: str, texts: Sequence[Text]) -> WindowResult:
    """Compare some texts with the stream's reference in force, outside of its windows; nothing is stored.

    Raises:
        ConflictError: the stream has no reference yet.
        NotFoundError: there is no such stream.
    """
    from driftwatch.domain.drift import Window
    from driftwatch.drift.archive import load_reference
    from driftwatch.drift.assess import DETECTORS, Assessor
    from driftwatch.drift.looks import LooksDetector

    settings = stream_settings(config, stream)
    store = open_store(config)
    try:
        reference, champion = store.registry.reference(stream), store.registry.champion(stream)
    finally:
        store.close()
    if reference is None:
        raise ConflictError(f"stream {stream} has no reference", cure=f"driftwatch reference build {stream}")
    measured = extractor(config, settings, champion=Path(champion.path) if champion else None)
    window = Window(stream=stream, index=0, texts=tuple(texts), features=read_window(measured, settings, texts))
    version = champion.version if champion else None
    alone = {name: each for name, each in DETECTORS.items() if name != "audit"}
    detectors = {**alone, "looks": LooksDetector(permutations=_ALONE)}
    return Assessor(load_reference(Path(reference.path)), seed=DETECTOR_SEED, detectors=detectors).assess(
        window, first_seq=1, last_seq=len(texts), champion=version
    )


def stream_settings(config: Config, stream: str) -> StreamSettings:
    """Return a stream's settings.

    Raises:
        NotFoundError: there is no such stream.
    """
    if stream not in config.streams:
        near = get_close_matches(stream, config.streams, 1)
        cure = f"did you mean {near[0]}?" if near else f"known streams: {', '.join(config.streams)}"
        raise NotFoundError(f"there is no stream {stream}", where=str(config.path), cure=cure)
    return config.streams[stream]


def report(config: Config, stream: str, index: int) -> Path:
    """Write evidently's report of a stored window beside the state; the window's page links to it from then on.

    Raises:
        ConflictError: the window's texts or its reference are gone by retention.
        NotFoundError: there is no such stream or window.
    """
    import numpy as np

    from driftwatch.drift.archive import load_reference
    from driftwatch.drift.baseline import unlearnt
    from driftwatch.drift.report import evidently_report

    settings = stream_settings(config, stream)
    store = open_store(config)
    try:
        result = store.windows.result(stream, index)
        if result is None:
            raise NotFoundError(f"stream {stream} has no window {index}", cure="driftwatch status shows the newest")
        texts = [
            stored.text for stored in store.texts.span(stream, first_seq=result.first_seq, last_seq=result.last_seq)
        ]
        champion = next((c for c in store.registry.champions(stream) if c.version == result.champion), None)
    finally:
        store.close()
    if not texts:
        raise ConflictError(f"the texts of window {index} are gone by retention", cure="choose a newer window")
    reference = load_reference(config.state_dir / "references" / stream / result.reference)
    measured = extractor(config, settings, champion=Path(champion.path) if champion else None)
    features = measured.features(texts, closely=np.zeros(0, dtype=np.int64))  # compared is what reads every text
    part = unlearnt(reference)
    html = evidently_report(part.texts, part.features, texts, features)
    file = config.state_dir / "reports" / stream / f"{index}.html"
    write_whole(file, html.encode())
    return file

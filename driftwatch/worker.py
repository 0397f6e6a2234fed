"""The analysis child: holds encoder, tokenizer and champion, assesses windows it is handed, and may die at any time."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.config import load_config
from driftwatch.domain.analysis import Analysis, AnalysisRequest, Answer, Comparison, Refusal, Rival
from driftwatch.domain.drift import Window
from driftwatch.domain.errors import DriftwatchError
from driftwatch.frames import receive, send
from driftwatch.gate.probation import STATE, Watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.config import Config
    from driftwatch.domain.features import TextLosses
    from driftwatch.domain.protocols import Model
    from driftwatch.drift.assess import Assessor
    from driftwatch.features.extractor import Extractor

log = structlog.get_logger()

NICENESS = 5


@dataclass(slots=True)
class _Loaded:
    """One stream's models and monitors, kept between windows while they are still the ones asked for."""

    reference: str
    champion: str | None
    extractor: Extractor
    assessor: Assessor


class Analyst:
    """Assesses windows of any configured stream."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._loaded: dict[str, _Loaded] = {}
        self._rivals: dict[str, tuple[str, Model]] = {}

    def assess(self, request: AnalysisRequest) -> Analysis:
        """Return the window's result and the monitors' states after it.

        Raises:
            DriftwatchError: the reference, encoder or champion cannot be used.
        """
        from driftwatch import wiring

        loaded, settings = self._load(request), self._config.streams[request.stream]
        texts = tuple(stored.text for stored in request.texts)
        window = Window(
            stream=request.stream,
            index=request.index,
            texts=texts,
            features=wiring.read_window(loaded.extractor, settings, texts),
            seqs=tuple(stored.seq for stored in request.texts),
            arl_texts=request.arl_texts,
        )
        result = loaded.assessor.assess(
            window,
            first_seq=request.texts[0].seq,
            last_seq=request.texts[-1].seq,
            champion=request.champion_version,
        )
        asked = [replace(text, target=request.targets[text.id]) for text in texts if text.id in request.targets]
        right = loaded.extractor.right(asked)
        states = loaded.assessor.states()
        if request.rival is None:
            self._rivals.pop(request.stream, None)
            return Analysis(result=result, states=states, right=right)
        watch = Watch.of(request.rival.run, request.states.get(STATE))
        comparison = self._compare(request.stream, request.rival, watch, window)
        states = {**states, STATE: watch.state()}
        return Analysis(result=result, states=states, right=right, comparison=comparison)

    def _compare(self, stream: str, rival: Rival, watch: Watch, window: Window) -> Comparison:
        """Hold the serving model's losses against its predecessor's on the same texts."""
        try:
            serving, before = window.features.losses, self._scored(stream, rival, window)
        except DriftwatchError as error:
            log.warning("rival_not_scored", stream=stream, run=rival.run, error=str(error))
            return watch.skip(error.what, confidence=rival.confidence)
        if serving is None or before is None:
            return watch.skip(rival.trouble or "the stream has no model", confidence=rival.confidence)
        return watch.add(window.texts, serving, before, confidence=rival.confidence)

    def _scored(self, stream: str, rival: Rival, window: Window) -> TextLosses | None:
        from driftwatch import wiring

        if rival.path is None:
            return None
        held = self._rivals.get(stream)
        if held is None or held[0] != rival.path:
            self._rivals.pop(stream, None)
            held = self._rivals[stream] = rival.path, wiring.scorer(self._config, Path(rival.path))
        return held[1].score(window.texts)

    def _load(self, request: AnalysisRequest) -> _Loaded:
        from driftwatch import wiring

        settings = self._config.streams[request.stream]
        loaded = self._loaded.get(request.stream)
        if loaded is None or (loaded.reference, loaded.champion) != (request.reference, request.champion):
            if self._loaded.pop(request.stream, None) is not None:
                loaded = None
                gc.collect()  # a network's parts refer to each other, and the next one is loaded now
            champion = Path(request.champion) if request.champion else None
            extractor = wiring.extractor(self._config, settings, champion=champion)
            loaded = _Loaded(
                reference=request.reference,
                champion=request.champion,
                extractor=extractor,
                assessor=wiring.assessor(settings, Path(request.reference), request.states, extract=extractor.features),
            )
            self._loaded[request.stream] = loaded
        elif _differ(loaded.assessor.states(), request.states):
            loaded.assessor = wiring.assessor(
                settings, Path(request.reference), request.states, extract=loaded.extractor.features
            )
        return loaded


def _differ(held: Mapping[str, bytes], given: Mapping[str, bytes]) -> bool:
    """Say whether the monitors stand elsewhere; states of detectors and drills no longer configured don't count."""
    return any(given.get(name) != state for name, state in held.items())


def answer(analyst: Analyst, request: AnalysisRequest) -> Answer:
    """Assess the window; a known failure becomes a refusal, an unknown one ends the process."""
    try:
        return Answer(analysis=analyst.assess(request))
    except DriftwatchError as error:
        return Answer(refusal=Refusal(what=error.what, where=error.where, cure=error.cure))


def main(config_path: Path) -> int:
    """Serve requests from standard input on standard output until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    analyst = Analyst(load_config(config_path, environ=os.environ))
    decoder = msgspec.msgpack.Decoder(AnalysisRequest)
    while (body := receive(requests)) is not None:
        send(answers, answer(analyst, decoder.decode(body)))
        _give_memory_back()
    return 0


def _give_memory_back() -> None:
    """Hand pages that a window has freed to the system, where the allocator is glibc's: malloc_trim(3).

    It keeps them in its heaps by itself, and what a worker holds would climb from window to window and model to model.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

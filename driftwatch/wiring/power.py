"""What a stream's reference and budget can see: simulated once, kept beside the state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.budget import rate_of_windows, texts_per_second
from driftwatch.domain.errors import ConflictError
from driftwatch.drift.power import TRIALS, Power, power
from driftwatch.wiring.analysis import DETECTOR_SEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.config import Config, StreamSettings
    from driftwatch.store import ReferenceRow, Store

METHOD = 4
"""Raised when the simulation changes, so that older results are not shown as its own."""
_RATE_WINDOWS = 100
_UNKNOWN_RATE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a stream's evidence can see.

    Args:
        reference: version simulated with.
        arl_texts: the budget in texts.
        per_second: rate of texts it was computed from; None where no window was assessed yet, then one a second.
        found: delays by share.
        kept: whether the result was simulated before.
        seasons: scheme by which the stream's texts are bet on; the simulation knows none.
    """

    reference: str
    arl_texts: float
    per_second: float | None
    found: tuple[Power, ...]
    kept: bool
    seasons: str = "none"

    @property
    def trials(self) -> int:
        """Topics that were taken out."""
        return len(self.found[0].delays)


def stream_rate(store: Store, stream: str) -> float | None:
    """Return the texts a second of the stream's last windows; None before the first."""
    windows = store.windows.recent(stream, limit=_RATE_WINDOWS)
    if not windows:
        return None
    rate = rate_of_windows((window.last_seen_at, window.texts) for window in windows)
    return rate or texts_per_second(windows[0].texts, windows[0].last_seen_at - windows[0].first_seen_at)


def stream_arl(store: Store, settings: StreamSettings) -> tuple[float, float | None]:
    """Return the stream's budget in texts at its present rate, rounded to one digit, and that rate."""
    rate = stream_rate(store, settings.name)
    return float(f"{settings.budget.arl_texts(rate or _UNKNOWN_RATE):.0e}"), rate


def kept_power(config: Config, store: Store, settings: StreamSettings, *, trials: int = TRIALS) -> Seen | None:
    """Return what was simulated before for the reference, budget and settings in force; None where it was not.

    Args:
        config: where results are kept.
        store: knows reference and rate.
        settings: of the stream.
        trials: fewest that are good enough; of several results that with most trials is returned.
    """
    reference = store.registry.reference(settings.name)
    if reference is None:
        return None
    arl, rate = stream_arl(store, settings)
    folder = _folder(config, settings, reference, arl)
    results = [found for file in folder.glob("*.json") if (found := _kept(file)) is not None]
    best = max(results, key=lambda found: len(found[0].delays), default=None)
    if best is None or len(best[0].delays) < trials:
        return None
    seasons = _seasons(store, reference)
    return Seen(reference=reference.version, arl_texts=arl, per_second=rate, found=best, kept=True, seasons=seasons)


def simulated_power(
    config: Config,
    store: Store,
    settings: StreamSettings,
    *,
    trials: int = TRIALS,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Seen:
    """Simulate what the stream's evidence can see, and keep the result.

    Raises:
        ConflictError: the stream has no reference yet.
        DataError: the reference is damaged, or too small to simulate with.
    """
    from driftwatch.drift.archive import load_reference

    reference = store.registry.reference(settings.name)
    if reference is None:
        raise ConflictError(
            f"stream {settings.name} has no reference", cure=f"driftwatch reference build {settings.name}"
        )
    arl, rate = stream_arl(store, settings)
    found = power(
        load_reference(Path(reference.path)),
        settings.evidence,
        arl_texts=arl,
        seed=DETECTOR_SEED,
        trials=trials,
        read=_read(settings),
        on_progress=on_progress,
    )
    file = _folder(config, settings, reference, arl) / f"{trials}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    aside.write_bytes(msgspec.json.encode(found))
    aside.replace(file)
    seasons = _seasons(store, reference)
    return Seen(reference=reference.version, arl_texts=arl, per_second=rate, found=found, kept=False, seasons=seasons)


def _seasons(store: Store, reference: ReferenceRow) -> str:
    """Return the scheme of seasons in use; ``none`` before the first window."""
    from driftwatch.drift.evidence.state import read_notes

    state = store.windows.monitor_states(reference.stream, reference=reference.version).get("evidence")
    notes = read_notes(state) if state else None
    return "none" if notes is None or notes.seasons is None else notes.seasons.scheme


def _kept(file: Path) -> tuple[Power, ...] | None:
    """Return a kept result; None where it is damaged."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=tuple[Power, ...])
    except (OSError, msgspec.DecodeError):
        return None
    return found if len({len(each.delays) for each in found}) == 1 else None


def _read(settings: StreamSettings) -> float:
    """Return the share of the stream's texts that its transformer reads."""
    texts = settings.encoder.texts
    return 1.0 if texts is None else min(texts / settings.window, 1.0)


def _folder(config: Config, settings: StreamSettings, reference: ReferenceRow, arl: float) -> Path:
    """Return where results are kept, one for each number of trials."""
    evidence = settings.evidence
    key = f"{METHOD}:{reference.version}:{arl:.0e}:{evidence.dependence}:{evidence.witnesses}"
    key += f":{_read(settings):.3g}" if settings.encoder.texts is not None else ""
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return config.state_dir / "cache" / "power" / f"{settings.name}-{name}"

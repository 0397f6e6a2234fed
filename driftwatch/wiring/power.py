"""What a stream's reference and budget can see: simulated once, kept beside the state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.budget import texts_per_second
from driftwatch.domain.errors import ConflictError
from driftwatch.drift.power import TRIALS, Power, power
from driftwatch.wiring.analysis import DETECTOR_SEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.config import Config, StreamSettings
    from driftwatch.store import ReferenceRow, Store

METHOD = 3
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
    """

    reference: str
    arl_texts: float
    per_second: float | None
    found: tuple[Power, ...]
    kept: bool


def stream_rate(store: Store, stream: str) -> float | None:
    """Return the texts a second of the stream's last windows; None before the first."""
    windows = store.windows.recent(stream, limit=_RATE_WINDOWS)
    if not windows:
        return None
    span = max(window.last_seen_at for window in windows) - min(window.first_seen_at for window in windows)
    return texts_per_second(sum(window.texts for window in windows), span)


def stream_arl(store: Store, settings: StreamSettings) -> tuple[float, float | None]:
    """Return the stream's budget in texts at its present rate, rounded to one digit, and that rate."""
    rate = stream_rate(store, settings.name)
    return float(f"{settings.budget.arl_texts(rate or _UNKNOWN_RATE):.0e}"), rate


def kept_power(config: Config, store: Store, settings: StreamSettings) -> Seen | None:
    """Return what was simulated before for the reference, budget and settings in force; None where it was not."""
    reference = store.registry.reference(settings.name)
    if reference is None:
        return None
    arl, rate = stream_arl(store, settings)
    try:
        found = msgspec.json.decode(_file(config, settings, reference, arl).read_bytes(), type=tuple[Power, ...])
    except (OSError, msgspec.DecodeError):
        return None
    return Seen(reference=reference.version, arl_texts=arl, per_second=rate, found=found, kept=True)


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
        on_progress=on_progress,
    )
    file = _file(config, settings, reference, arl)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    aside.write_bytes(msgspec.json.encode(found))
    aside.replace(file)
    return Seen(reference=reference.version, arl_texts=arl, per_second=rate, found=found, kept=False)


def _file(config: Config, settings: StreamSettings, reference: ReferenceRow, arl: float) -> Path:
    evidence = settings.evidence
    key = f"{METHOD}:{reference.version}:{arl:.0e}:{evidence.dependence}:{evidence.witnesses}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return config.state_dir / "cache" / "power" / f"{settings.name}-{name}.json"

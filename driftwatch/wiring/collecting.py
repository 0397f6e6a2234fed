"""Checks of single texts that a run's collection asks of other rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.features import Embeddings, TextLosses
    from driftwatch.features.encoder import EncoderSettings
    from driftwatch.intake.redact import RedactSettings
    from driftwatch.retrain.collect.checks import Checks
    from driftwatch.retrain.fairness.check import Identity

log = structlog.get_logger()


def checks(config: Config, stream: str, *, champion: Path) -> Checks:
    """Return what the stream's settings ask: personal data as at intake, the champion's loss, and embeddings.

    Args:
        config: as loaded.
        stream: whose texts.
        champion: folder of the serving model.

    Raises:
        EncoderError: the stream's encoder cannot be found or loaded.
        ModelError: the champion's folder cannot be used.
    """
    from driftwatch.retrain.collect.checks import Checks

    settings = config.streams[stream]
    return Checks(
        private=_finder(settings.redact) if settings.redact is not None else None,
        losses=_losses(champion, threads=config.daemon.threads),
        identity=identity(settings.redact),
        embed=_embedder(config, settings.encoder, champion=champion) if settings.collect.meanings else None,
    )


def identity(redact: RedactSettings | None) -> Identity:
    """Return who is looked for in the data check: the built-in suite's groups; what is shown is redacted.

    Args:
        redact: settings of the stream; None for the usual ones, for what is shown is redacted in any case.
    """
    from driftwatch.gate.bias.groups import identity_groups
    from driftwatch.intake.redact import Redactor, RedactSettings
    from driftwatch.retrain.fairness.check import Identity

    redactor = Redactor(redact or RedactSettings())
    return Identity(groups=identity_groups(), redact=lambda body: redactor.redact(body)[0])


def _finder(settings: RedactSettings) -> Callable[[str], bool]:
    from driftwatch.intake.redact import Redactor

    redactor = Redactor(settings)
    return lambda body: bool(redactor.redact(body)[1])


def _losses(champion: Path, *, threads: int) -> Callable[[Sequence[str]], TextLosses]:
    from driftwatch.features.loss import load_model

    return load_model(champion, threads=threads).losses


def _embedder(config: Config, settings: EncoderSettings, *, champion: Path) -> Callable[[Sequence[str]], Embeddings]:
    """Return embeddings that every fresh text can be given: static ones, distilled from the stream's own encoder.

    Where there are none to distil (an encoder that is the champion itself, or one that cannot be distilled), the
    stream's encoder is used as it is.
    """
    from driftwatch.features.encoder import load_encoder

    threads, cache = config.daemon.threads, config.state_dir / "cache" / "encoders"
    cheap = settings if settings.kind == "champion" else settings.static
    try:
        return load_encoder(cheap, threads=threads, champion=champion, cache=cache).embed
    except EncoderError as error:
        if cheap == settings:
            raise
        log.warning("static_encoder_left_out", reason=str(error))
        return load_encoder(settings, threads=threads, champion=champion, cache=cache).embed

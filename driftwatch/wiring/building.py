"""Builds a stream's reference from its training data. Everything heavy is imported when it is called."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConfigError
from driftwatch.store import Champion
from driftwatch.wiring.analysis import extractor, stream_settings
from driftwatch.wiring.base import CLOCK, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from driftwatch.config import Config, StreamSettings
    from driftwatch.gathering import Engine, Search
    from driftwatch.rebase import Rebased
    from driftwatch.store import Store

_PATIENCE = timedelta(seconds=5)


def build_reference(
    config: Config,
    stream: str,
    *,
    engine: Engine | None = None,
    on_read: Callable[[int, int], None] = lambda _done, _total: None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Rebased:
    """Build a stream's reference from its training data and put it in force, with its first champion.

    Args:
        config: of the host.
        stream: whose reference.
        engine: reads the training data; None for this process. The reference is the same.
        on_read: told bytes of training data read and about how many in all.
        on_progress: told texts measured and in all.

    Raises:
        NotFoundError: there is no such stream.
        ConfigError: it names no training data.
        DataError: the training data cannot be used.
        RunError: the cluster cannot read it.
        StoreUnavailableError: the disk is full.
    """
    from driftwatch import rebase
    from driftwatch.gathering import LocalEngine, gather

    settings = stream_settings(config, stream)
    if not settings.reference.data:
        raise ConfigError(
            f"stream {stream} names no training data",
            where=str(config.path),
            cure=f'set data = ["…"] in [streams.{stream}.reference]',
        )
    folder = config.state_dir / "references" / stream
    store = open_store(config)
    try:
        champion = _champion(config, store, settings)
        # Loaded first, for what is wrong with it should be told before hours of reading.
        measured = extractor(config, settings, champion=Path(champion.path) if champion else None)
        gathered = gather(_search(settings), engine or LocalEngine(), folder=folder, on_read=on_read)
        made = rebase.make_chosen(
            gathered.learned,
            gathered.heldout,
            stream=stream,
            seed=settings.reference.seed,
            extract=measured.features,
            folder=folder,
            at=CLOCK.now(),
            on_progress=on_progress,
        )
        store.registry.add_reference(made.row, in_force=True)
        if champion is not None and store.registry.champion(stream) is None:
            first = replace(champion, reference=made.row.version)
            store.registry.set_champion(first, reference=made.row, reason="the model named in the configuration")
    finally:
        store.close()
    return made


@contextmanager
def reading_engine(name: str, *, address: str | None, workers: int | None) -> Iterator[Engine]:
    """Give what reads training data: ``local``, this process, or ``ray``, a cluster, which is let go afterwards.

    Raises:
        ConfigError: ray is not installed.
        RunError: the cluster cannot be reached.
    """
    if name == "ray":
        from driftwatch.gathering.ray import connected

        with connected(address, workers) as engine:
            yield engine
    else:
        from driftwatch.gathering import LocalEngine

        yield LocalEngine()


def _search(settings: StreamSettings) -> Search:
    """Return what a stream's settings say of its training data."""
    from driftwatch.gathering import Search
    from driftwatch.intake.training_records import TrainingFields

    chosen = settings.reference
    return Search(
        data=chosen.data,
        heldout=chosen.heldout,
        fields=TrainingFields(
            text=chosen.field, time=chosen.time, group=chosen.group, target=chosen.target, turns=chosen.turns
        ),
        seed=chosen.seed,
        sample=chosen.sample,
    )


def _champion(config: Config, store: Store, settings: StreamSettings) -> Champion | None:
    """Return the serving model; the first is copied from the configuration's into the stream's own versions."""
    from driftwatch.features.encoder import find_folder
    from driftwatch.features.model import model_digest
    from driftwatch.retrain.change import change_alone
    from driftwatch.retrain.promote import VersionManifest, add_version, point_current

    serving = store.registry.champion(settings.name)
    if serving is not None or settings.model is None:
        return serving
    source = Path(settings.model) if Path(settings.model).is_absolute() else find_folder(settings.model)
    digest, now = model_digest(source), CLOCK.now()
    version = f"m{digest.removeprefix('sha256:')[:12]}"
    models = config.state_dir / "models" / settings.name
    manifest = VersionManifest(version=version, parent=None, run=None, created_at=now, digest=digest)
    with change_alone(models, patience=_PATIENCE):
        folder = add_version(source, models, manifest)
        point_current(models, version)
    return Champion(stream=settings.name, version=version, path=str(folder.resolve()), digest=digest, at=now)

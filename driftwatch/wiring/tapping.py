"""Standard input into a stream: every batch durable before the next is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.intake.tap import Line, TapReader, TapSettings
from driftwatch.wiring.sources import pipeline_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.store import Store

BATCH = 1_000
"""Lines committed at once."""

_LOOK_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tapped:
    """What became of the lines.

    Args:
        stored: texts that are new.
        duplicates: texts that were there already.
        sampled_out: texts that the stream's sample leaves out.
        dropped: texts that came while the stream was full and ``when_full`` is to drop.
        rejected: lines that are no texts, by reason.
        noted: what else is counted, such as texts that were cut.
    """

    stored: int
    duplicates: int
    sampled_out: int
    dropped: int
    rejected: Mapping[str, int]
    noted: Mapping[str, int]


def tap_settings(config: Config, stream: str) -> TapSettings:
    """Return how a stream's piped lines look: as its source of type ``tap`` says, else as usual."""
    found = (source for source in config.streams[stream].sources if isinstance(source, TapSettings))
    return next(found, TapSettings())


def tap(
    batches: Iterable[list[Line]],
    settings: TapSettings,
    config: Config,
    store: Store,
    *,
    stream: str,
    clock: Clock,
    wait: Callable[[int], None],
) -> Tapped:
    """Take batches of lines in, each in one transaction.

    Args:
        batches: of lines.
        settings: what they look like.
        config: the stream's redaction, sample and backlog.
        store: where texts go.
        stream: whose texts.
        clock: for texts without a time.
        wait: called with the number of texts that wait while there are too many, again and again.

    Raises:
        StoreUnavailableError: the batch was not stored; the ones before it were.
    """
    reader = TapReader(settings, clock=clock)
    drops, full = config.daemon.when_full == "drop", False
    pipeline = pipeline_of(config.streams[stream], settings.name, store, clock, dropping=lambda _stream: full)
    counts, rejected, noted = Counter[str](), Counter[str](), Counter[str]()
    for number, batch in enumerate(batches):
        if number % _LOOK_EVERY == 0:
            if drops:
                full = _waiting(store, stream) >= config.daemon.backlog
            else:
                _wait_for_room(store, stream, config.daemon.backlog, wait)
        gathered = reader.read(batch)
        taken = pipeline.take_texts(gathered.texts, rejected=+gathered.rejected)
        counts.update(stored=taken.stored, duplicates=taken.duplicates, sampled_out=taken.sampled_out)
        counts["dropped"] += taken.dropped
        for reason, count in gathered.rejected.items():
            (noted if reason in ("cut", "clock-ahead") else rejected)[reason] += count
    return Tapped(
        stored=counts["stored"],
        duplicates=counts["duplicates"],
        sampled_out=counts["sampled_out"],
        dropped=counts["dropped"],
        rejected=dict(+rejected),
        noted=dict(+noted),
    )


def _wait_for_room(store: Store, stream: str, most: int, wait: Callable[[int], None]) -> None:
    while (waiting := _waiting(store, stream)) >= most:
        wait(waiting)


def _waiting(store: Store, stream: str) -> int:
    return store.texts.backlog(stream, after_seq=store.windows.position(stream).after_seq)

"""Where texts come in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from driftwatch.intake.bodies import BatchError
from driftwatch.intake.connection import PatientBroker, PatientSource
from driftwatch.intake.feedback import parse_feedback
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.folder import FolderSettings, FolderSource
from driftwatch.intake.http import Batch, HttpReader, HttpSettings
from driftwatch.intake.kafka import KafkaSettings, KafkaSource
from driftwatch.intake.otlp import OtlpSettings, parse_export
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.ready import Sent
from driftwatch.intake.redact import Redactor
from driftwatch.intake.redis_streams import RedisSettings, RedisSource
from driftwatch.intake.sampler import HashSampler
from driftwatch.intake.sql import SqlSettings, SqlSource
from driftwatch.web import Body, FeedbackReceipt, OtlpReceipt, ProblemError, Receipt, RejectedLine

if TYPE_CHECKING:
    from driftwatch.config import Config, StreamSettings
    from driftwatch.config.settings import SourceSettings
    from driftwatch.domain.protocols import Clock, Source
    from driftwatch.domain.text import Text
    from driftwatch.intake.pipeline import TakenIn
    from driftwatch.store import Store
    from driftwatch.web import FeedbackIntake, Intake, OtlpIntake, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A source that is read, and where its texts go."""

    stream: str
    name: str
    source: Source
    pipeline: Pipeline


Lengths = Callable[[str, Iterable[int]], None]
"""Is told a stream and the lengths, in characters, of texts that were taken in."""


Dropping = Callable[[str], bool]
"""Says whether a stream is full and what comes to it is thrown away."""


def _unheard(_stream: str, _lengths: Iterable[int]) -> None:
    """Tell nobody."""


def _never(_stream: str) -> bool:
    """Drop nothing."""
    return False


def readers(
    config: Config,
    store: Store,
    *,
    clock: Clock,
    environ: Mapping[str, str] | None = None,
    lengths: Lengths = _unheard,
    dropping: Dropping = _never,
) -> list[Reader]:
    """Return the sources that the daemon reads by itself; for the arguments see ``http_intakes``.

    Raises:
        ConfigError: a source's secret or package is missing.
    """
    return [
        Reader(
            stream=stream.name,
            name=settings.name,
            source=source,
            pipeline=pipeline_of(stream, settings.name, store, clock, lengths, dropping),
        )
        for stream in config.streams.values()
        for settings in stream.sources
        if (source := open_source(settings, stream.name, clock=clock, environ=environ or os.environ)) is not None
    ]


def open_source(settings: SourceSettings, stream: str, *, clock: Clock, environ: Mapping[str, str]) -> Source | None:
    """Return a source that is read; None for one that texts are sent to.

    Raises:
        ConfigError: its secret or package is missing.
    """
    match settings:
        case FileSettings():
            return PatientSource(FileSource(settings, clock=clock), clock=clock)
        case FolderSettings():
            return PatientSource(FolderSource(settings, clock=clock, environ=environ), clock=clock)
        case SqlSettings():
            return PatientSource(SqlSource(settings, clock=clock, environ=environ), clock=clock)
        case RedisSettings():
            return PatientBroker(RedisSource(settings, stream=stream, clock=clock, environ=environ), clock=clock)
        case KafkaSettings():
            return PatientBroker(KafkaSource(settings, stream=stream, clock=clock, environ=environ), clock=clock)
        case _:
            return None


def http_intakes(
    config: Config,
    store: Store,
    *,
    clock: Clock,
    taken: Callable[[str, int], None],
    backlog: Callable[[str], int],
    lengths: Lengths = _unheard,
    dropping: Dropping = _never,
) -> dict[str, Intake]:
    """Return the streams that take texts over HTTP.

    Args:
        config: names them.
        store: where texts go.
        clock: for texts without a time.
        taken: called after each commit with the stream and the number of texts stored.
        backlog: returns a stream's texts not yet assessed, as far as senders are to wait for them.
        lengths: is told those of the texts taken in.
        dropping: says whether a stream is full and drops what comes.
    """
    return {
        stream.name: _HttpIntake(
            reader=HttpReader(source),
            pipeline=pipeline_of(stream, source.name, store, clock, lengths, dropping),
            clock=clock,
            taken=taken,
            stream=stream.name,
            waiting=backlog,
        )
        for stream in config.streams.values()
        for source in stream.sources
        if isinstance(source, HttpSettings)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _SentIn:
    """The way of what is sent to a stream: into the store, and told to the daemon."""

    pipeline: Pipeline
    clock: Clock
    taken: Callable[[str, int], None]
    stream: str
    waiting: Callable[[str], int]

    def store(self, texts: Sequence[Text], *, rejected: Mapping[str, int]) -> TakenIn:
        """Commit texts and tell of them."""
        result = self.pipeline.take_texts(texts, rejected=rejected)
        self.taken(self.stream, result.stored)
        return result

    def store_each(self, sent: Sequence[Sent]) -> list[TakenIn | BaseException]:
        """Commit what several senders brought, and tell of it."""
        results = self.pipeline.take_each(sent)
        stored = [result.stored for result in results if not isinstance(result, BaseException)]
        if stored:
            self.taken(self.stream, sum(stored))
        return results

    def backlog(self) -> int:
        """Return the stream's texts not yet assessed."""
        return self.waiting(self.stream)


@dataclass(frozen=True, slots=True, kw_only=True)
class _HttpIntake(_SentIn):
    reader: HttpReader

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> Receipt:
        """Parse and store one body in one transaction."""
        (outcome,) = self.take_each([Body(body, content_type, content_encoding)])
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def take_each(self, bodies: Sequence[Body]) -> list[Receipt | BaseException]:
        """Parse several bodies, and store those that can be used."""
        batches = [self._read(body) for body in bodies]
        sent = [Sent(texts=each.texts, rejected=each.counts) for each in batches if isinstance(each, Batch)]
        results = iter(self.store_each(sent) if sent else ())
        return [_receipt(each, next(results)) if isinstance(each, Batch) else each for each in batches]

    def _read(self, body: Body) -> Batch | BaseException:
        try:
            return self.reader.read(
                body.content,
                content_type=body.content_type,
                content_encoding=body.content_encoding,
                now=self.clock.now(),
            )
        except BatchError as error:
            problem = ProblemError(HTTPStatus(error.status), error.title, error.detail, line=error.line)
            problem.__cause__ = error
            return problem
        except Exception as error:  # noqa: BLE001 - raised again for the request that it came from
            return error


def _receipt(batch: Batch, result: TakenIn | BaseException) -> Receipt | BaseException:
    if isinstance(result, BaseException):
        return result
    return Receipt(
        stored=result.stored,
        duplicates=result.duplicates,
        sampled_out=result.sampled_out,
        dropped=result.dropped,
        rejected=tuple(RejectedLine(line=each.line, reason=each.reason) for each in batch.rejected),
    )


def otlp_intakes(
    config: Config,
    store: Store,
    *,
    clock: Clock,
    taken: Callable[[str, int], None],
    backlog: Callable[[str], int],
    lengths: Lengths = _unheard,
    dropping: Dropping = _never,
) -> dict[str, OtlpIntake]:
    """Return the streams that take exports of OpenTelemetry; for the arguments see ``http_intakes``."""
    return {
        stream.name: _OtlpIntake(
            settings=source,
            pipeline=pipeline_of(stream, source.name, store, clock, lengths, dropping),
            clock=clock,
            taken=taken,
            stream=stream.name,
            waiting=backlog,
        )
        for stream in config.streams.values()
        for source in stream.sources
        if isinstance(source, OtlpSettings)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _OtlpIntake(_SentIn):
    settings: OtlpSettings

    def take_signal(self, signal: Signal, body: bytes, *, content_type: str, content_encoding: str) -> OtlpReceipt:
        """Parse and store one export in one transaction."""
        try:
            exported = parse_export(
                signal,
                body,
                content_type=content_type,
                content_encoding=content_encoding,
                settings=self.settings,
                now=self.clock.now(),
            )
        except BatchError as error:
            raise ProblemError(HTTPStatus(error.status), error.title, error.detail) from error
        dropped = self.store(exported.texts, rejected=exported.counts).dropped
        called = "1 text was" if dropped == 1 else f"{dropped} texts were"
        told = [f"{called} dropped: stream {self.stream} is full"] if dropped else []
        told += [exported.message] if exported.message else []
        return OtlpReceipt(rejected=exported.rejected + dropped, message="; ".join(told))


def feedback_intakes(config: Config, store: Store, *, clock: Clock) -> dict[str, FeedbackIntake]:
    """Return every stream's intake of feedback: wherever its texts come from, what is said of them comes over HTTP."""
    return {stream: _FeedbackIntake(stream=stream, store=store, clock=clock) for stream in config.streams}


@dataclass(frozen=True, slots=True, kw_only=True)
class _FeedbackIntake:
    stream: str
    store: Store
    clock: Clock

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> FeedbackReceipt:
        """Parse and store one body in one transaction."""
        try:
            said = parse_feedback(
                body, content_type=content_type, content_encoding=content_encoding, now=self.clock.now()
            )
        except BatchError as error:
            raise ProblemError(HTTPStatus(error.status), error.title, error.detail, line=error.line) from error
        taken = self.store.feedback.take_in(self.stream, said)
        return FeedbackReceipt(stored=taken.stored, repeated=taken.repeated, unknown=taken.unknown)

    def backlog(self) -> int:
        """Return 0: feedback waits for nothing."""
        return 0


def pipeline_of(
    stream: StreamSettings,
    source: str,
    store: Store,
    clock: Clock,
    lengths: Lengths = _unheard,
    dropping: Dropping = _never,
) -> Pipeline:
    """Return the way of a source's texts into the store; for the arguments see ``http_intakes``."""
    return Pipeline(
        store,
        stream=stream.name,
        source=source,
        redactor=Redactor(stream.redact) if stream.redact is not None else None,
        sampler=HashSampler(stream.sample),
        clock=clock,
        lengths=partial(lengths, stream.name),
        dropping=partial(dropping, stream.name),
    )

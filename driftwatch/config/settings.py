"""What ``driftwatch.toml`` says, as each room's own settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from driftwatch.alert.settings import AlertSettings
from driftwatch.domain.budget import Budget, parse_budget
from driftwatch.domain.rights import INTAKE, Right
from driftwatch.domain.secrets import check_reference
from driftwatch.drift.drills.settings import DrillSettings
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.features.encoder import EncoderSettings
from driftwatch.intake.file import FileSettings
from driftwatch.intake.folder import FolderSettings
from driftwatch.intake.http import HttpSettings
from driftwatch.intake.kafka import KafkaSettings
from driftwatch.intake.otlp import OtlpSettings
from driftwatch.intake.redact import RedactSettings
from driftwatch.intake.redis_streams import RedisSettings
from driftwatch.intake.sampler import SampleSettings
from driftwatch.intake.sql import SqlSettings
from driftwatch.intake.tap import TapSettings
from driftwatch.retrain.collect.settings import CollectSettings
from driftwatch.retrain.export import ExportSettings
from driftwatch.retrain.launchers.settings import RetrainSettings
from driftwatch.retrain.reload import ReloadSettings
from driftwatch.retrain.retention import ModelSettings

SourceSettings = Annotated[
    FileSettings
    | HttpSettings
    | FolderSettings
    | KafkaSettings
    | OtlpSettings
    | RedisSettings
    | SqlSettings
    | TapSettings,
    Field(discriminator="type"),
]
"""A source of any kind, told by its ``type``."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_STRICT = {"extra": "forbid"}
_GREATEST_PORT = 65_535
_MOST_THREADS = 1_024
_LEAST_REFERENCE = 500
_WINDOW = (50, 100_000)  # fewer texts say nothing, more fit no memory
_SHA256 = re.compile(r"[0-9a-f]{64}")
ALL_STREAMS = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """A bearer token of who sends texts or asks for something.

    Args:
        secret: reference of the token, such as ``file:/etc/driftwatch/token``.
        sha256: of the token in hexadecimal, instead of the reference.
        streams: whose texts and feedback it may bring; ``*`` for all.
        may: what it may do: ``texts``, ``feedback``, ``metrics``, ``pages``, ``reload``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    secret: str | None = None
    sha256: str | None = None
    streams: tuple[str, ...] = ()
    may: tuple[Right, ...] = INTAKE

    def __post_init__(self) -> None:
        if (self.secret is None) == (self.sha256 is None):
            raise ValueError("a token is given by secret or by sha256, one of them")
        if self.secret is not None:
            check_reference(self.secret)
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise ValueError("sha256 is 64 hexadecimal digits in small letters: printf %s TOKEN | sha256sum")
        if not self.may:
            raise ValueError("a token that may do nothing is of no use: leave it out")
        if any(right.per_stream for right in self.may) and not self.streams:
            raise ValueError('name the streams it may send to, or streams = ["*"]')


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """The daemon itself.

    Args:
        listen: host and port of intake, pages and metrics.
        threads: of torch in worker and jobs, and of numpy in the worker (unless ``OPENBLAS_NUM_THREADS`` is set).
        poll: pause between two looks at a source.
        backlog: texts of a stream not yet assessed at which it is full.
        when_full: ``block`` leaves its sources unread and answers HTTP 429, so that senders wait; ``drop`` goes on
            reading, and throws away and counts what comes.
        log: one JSON object a line, or text for people.
        watch_policies: whether policy and recipe files are loaded anew whenever one of them changes.
        web_config: file with certificates and users, in the form of Prometheus' exporters; None for plain HTTP without.
        users: what a user of that file may do, by name; everything where it is not named.
        tokens: bearer tokens, by name.
        names: more host names that it is addressed by, where it listens on this machine alone and nobody logs in.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    listen: str = "127.0.0.1:9478"
    threads: int = 1
    poll: timedelta = timedelta(seconds=1)
    backlog: int = 1_000_000
    when_full: Literal["block", "drop"] = "block"
    log: Literal["json", "text"] = "json"
    watch_policies: bool = True
    web_config: Path | None = None
    users: Mapping[str, tuple[Right, ...]] = field(default_factory=dict)
    tokens: Mapping[str, TokenSettings] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        host, colon, port = self.listen.rpartition(":")
        if not (host and colon and port.isdigit() and int(port) <= _GREATEST_PORT):
            raise ValueError(f'listen must be "host:port", not "{self.listen}"')
        if not 1 <= self.threads <= _MOST_THREADS:
            raise ValueError("threads must lie between 1 and 1024")
        if not timedelta(milliseconds=10) <= self.poll <= timedelta(hours=1):
            raise ValueError("poll must lie between 10ms and 1h")
        if self.backlog < _WINDOW[0]:
            raise ValueError("backlog must be at least 50, the texts of the smallest window")

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def loopback(self) -> bool:
        """Whether it listens on this machine alone."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def port(self) -> int:
        """On which port."""
        return int(self.listen.rpartition(":")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """What the model was trained on.

    Args:
        data: files or folders of training texts.
        heldout: files of the same kind of text that the model never saw.
        field: name of the text's field or column; found by itself where only one fits.
        time: name of its time's field or column (ISO 8601, or seconds since 1970), for references by season.
        group: name of its session's or author's field or column, as the sources name the stream's; rates are counted by
            groups then.
        target: name of its class's field or column, where the model is a classifier.
        turns: name of its chat's field or column, a list of messages with role and content; without ``field`` the last
            message is the text.
        sample: most texts kept.
        seed: of sampling and split.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    data: tuple[Path, ...] = ()
    heldout: tuple[Path, ...] = ()
    field: str | None = None
    time: str | None = None
    group: str | None = None
    target: str | None = None
    turns: str | None = None
    sample: int = 20_000
    seed: int = 7

    def __post_init__(self) -> None:
        if self.sample < _LEAST_REFERENCE:
            raise ValueError("sample must be at least 500")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long texts are kept: until either limit; what is still to be assessed or trained on is kept longer.

    Args:
        age: since they were taken in; None for no limit.
        texts: most of a stream; None for no limit.
        reports: of windows, which show texts: since they were made; None for as long as ``age``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    age: timedelta | None = timedelta(days=30)
    texts: int | None = 1_000_000
    reports: timedelta | None = None

    def __post_init__(self) -> None:
        if self.texts is not None and self.texts < 1:
            raise ValueError("texts must be at least 1")

    @property
    def reports_age(self) -> timedelta | None:
        """How long reports are kept; None for ever."""
        return self.reports if self.reports is not None else self.age


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """One flow of production text for one model.

    Args:
        name: from the section's heading.
        model: folder or hub name of the serving model; None to watch text alone.
        window: texts assessed in one step.
        false_alarms: the least average run to a false alarm, such as ``1 per 365d``.
        evidence: how the evidence behind alarms is gathered.
        encoder: how texts become embeddings.
        reference: what the model was trained on.
        sources: where texts come from.
        sample: which texts are kept.
        redact: kinds of personal data replaced before storing; None for none.
        retention: how long texts are kept.
        collect: what may come into a run's training mix, and how much of it from one place.
        models: how many model versions are kept.
        reload: how the serving stack is told of a new model.
        export: where kept models are registered besides.
        drills: drift that must be detected, mixed into a shadow of the stream.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    name: str
    model: str | None = None
    window: int = 500
    false_alarms: str = "1 per 365d"
    evidence: EvidenceSettings = EvidenceSettings()
    encoder: EncoderSettings = EncoderSettings()
    reference: ReferenceSettings = ReferenceSettings()
    sources: tuple[SourceSettings, ...] = ()
    sample: SampleSettings = SampleSettings()
    redact: RedactSettings | None = RedactSettings()
    retention: RetentionSettings = RetentionSettings()
    collect: CollectSettings = CollectSettings()
    models: ModelSettings = ModelSettings()
    reload: ReloadSettings = ReloadSettings()
    export: ExportSettings = ExportSettings()
    drills: tuple[DrillSettings, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f'a stream\'s name has lower-case letters, digits and dashes only, not "{self.name}"')
        if not _WINDOW[0] <= self.window <= _WINDOW[1]:
            raise ValueError("window must lie between 50 and 100000 texts")
        block = self.evidence.dependence
        if isinstance(block, int) and block > self.window:
            raise ValueError(f"a block (dependence = {block}) cannot be longer than a window: set window to {block}")
        read = self.encoder.texts
        if read is not None and read >= self.window:
            raise ValueError(
                f"a window of {self.window} texts is read whole with encoder.texts = {read}: "
                "set texts below window, or leave it out"
            )
        parse_budget(self.false_alarms)
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("two sources have the same name; give each a name of its own")
        drills = [drill.name for drill in self.drills]
        if len(set(drills)) < len(drills):
            raise ValueError("two drills have the same name; give each a name of its own")

    @property
    def budget(self) -> Budget:
        """What ``false_alarms`` says."""
        return parse_budget(self.false_alarms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole file.

    Args:
        path: of the file.
        state_dir: where everything durable lies.
        store: URL of a database, or the reference of a secret that is one; None for SQLite in ``state_dir``.
        policies: patterns of policy files, absolute; files that end in ``.test.yaml`` are
            [cases](policies.md#testing-rules).
        recipes: patterns of the operator's own recipe files, absolute.
        daemon: the daemon itself.
        alerts: receivers.
        retrain: who works on runs.
        streams: by name.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    path: Path
    state_dir: Path = Path("state")
    store: str | None = None
    policies: tuple[str, ...] = ("policies/*.yaml",)
    recipes: tuple[str, ...] = ("recipes/*.toml",)
    daemon: DaemonSettings = DaemonSettings()
    alerts: AlertSettings = AlertSettings()
    retrain: RetrainSettings = RetrainSettings()
    streams: Mapping[str, StreamSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.streams:
            raise ValueError("there is no stream; add a section [streams.NAME]")
        for name, stream in self.streams.items():
            if stream.window > self.daemon.backlog:
                raise ValueError(
                    f"[daemon] backlog ({self.daemon.backlog}) must hold a window of stream {name} ({stream.window}): "
                    "below it nothing would ever be assessed, and nothing more taken in"
                )
        for name, token in self.daemon.tokens.items():
            if strange := sorted(set(token.streams) - {*self.streams, ALL_STREAMS}):
                raise ValueError(f'token "{name}" names a stream that is not configured: {", ".join(strange)}')

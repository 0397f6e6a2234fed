"""Texts in a Kafka topic, read as a member of a consumer group; offsets are committed after the store's commit."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog

from driftwatch.domain.errors import ConfigError, DataError
from driftwatch.domain.text import Cursor, Page
from driftwatch.intake.connection import check_options, needed, revealed
from driftwatch.intake.gathered import Gathered
from driftwatch.intake.payload import take_payload, written_at
from driftwatch.intake.plain import plain_of
from driftwatch.intake.record_fields import RecordFields, records_of
from driftwatch.intake.records import Rejected

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Clock

log = structlog.get_logger()

_WAIT_SECONDS = 0.2
_LOOK_SECONDS = 2.0
_LONGEST_MESSAGE = 8 * 1024 * 1024
_OURS = ("bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset")
_LIMITS: Mapping[str, Any] = {
    "client.id": "driftwatch",
    "socket.timeout.ms": 10_000,
    "allow.auto.create.topics": False,
    "queued.max.messages.kbytes": 16_384,  # what is fetched ahead, of each partition
    "fetch.max.bytes": 33_554_432,
    "receive.message.max.bytes": 67_108_864,
    "log_level": 0,
}
_HARMLESS = ("_PARTITION_EOF", "_MAX_POLL_EXCEEDED", "_ASSIGN_PARTITIONS", "_REVOKE_PARTITIONS")
_SAYS_LITTLE = ("_ALL_BROKERS_DOWN",)
_TOO_LARGE = "_BAD_MSG"
_MOVED = ("ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS", "_ASSIGNMENT_LOST", "_STATE")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings(RecordFields):
    """A Kafka topic.

    Args:
        type: ``kafka``.
        brokers: addresses of some brokers, such as ``kafka-1:9092,kafka-2:9092``.
        topic: name of the topic.
        consumers: name of the consumer group; left out, ``driftwatch-`` and the name of driftwatch's stream.
        begin: where a group that is new begins: with the ``oldest`` message, or with those that come from now on
            (``newest``).
        options: more settings of librdkafka, such as ``"security.protocol" = "SASL_SSL"``.
        secrets: settings of librdkafka that are secrets, such as ``"sasl.password"``, as references.
        id: field path of the text's id; without one the message's place in the topic is its id.
        time: field path of its time; without one the message's.
        name: of the source; two sources of a stream need different ones.
    """

    type: Literal["kafka"] = "kafka"
    brokers: str
    topic: str
    consumers: str | None = None
    begin: Literal["oldest", "newest"] = "oldest"
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    name: str = "kafka"

    def __post_init__(self) -> None:
        if not self.brokers or not self.topic:
            raise ValueError("brokers and topic must not be empty")
        if self.topic.startswith("^"):
            raise ValueError("topic is one name, no pattern; a stream may have several sources")
        if ours := [name for name in _OURS if name in self.options or name in self.secrets]:
            raise ValueError(f"{', '.join(ours)} cannot be set: driftwatch commits offsets by itself, after its store")
        check_options(self.options, self.secrets, plain=("ssl.key.location", "sasl.oauthbearer.token.endpoint.url"))
        records_of(self)


class KafkaSource:
    """Reads a topic as one of a consumer group.

    Until a page is acknowledged, ``read`` gives it again. Offsets are those of the group: after a kill between the
    store's commit and theirs, the page comes again and is known by its ids.

    Args:
        settings: which topic and what its records look like.
        stream: driftwatch's own, for the group's name.
        clock: for messages without a time.
        environ: where references to secrets begin.

    Raises:
        ConfigError: a secret or the package is missing, or librdkafka does not know an option.
    """

    def __init__(self, settings: KafkaSettings, *, stream: str, clock: Clock, environ: Mapping[str, str]) -> None:
        self._settings, self._clock = settings, clock
        self._records, self._plain = records_of(settings), plain_of(settings)
        self._kafka: Any = needed("confluent_kafka", extra="kafka", where=f"source {settings.name}")
        self._given: Page | None = None
        self._trouble: Any = None
        self._consumer = self._open(stream, environ)

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return the next texts, or those that were not acknowledged yet; the group knows where it is.

        Raises:
            DataError: the brokers or the topic cannot be reached or read.
        """
        del after
        if self._given is not None:
            return self._given
        if self._trouble is not None:
            self._look()
        try:
            messages = self._consumer.consume(limit, _WAIT_SECONDS)
        except self._kafka.KafkaException as error:
            raise self._explained(error.args[0]) from error
        page = self._page(messages)
        if page.cursor is not None:
            self._given, self._trouble = page, None
        elif self._trouble is not None:
            raise self._explained(self._trouble)
        return page

    def acknowledge(self, cursor: Cursor) -> None:
        """Commit the offsets after the last page.

        Raises:
            DataError: they cannot be committed now; a later page's commit makes up for it.
        """
        self._given = None
        position = msgspec.json.decode(cursor.position, type=dict[int, int])
        offsets = [self._kafka.TopicPartition(self._settings.topic, *each) for each in position.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except self._kafka.KafkaException as error:
            if error.args[0].name() not in _MOVED:
                raise self._explained(error.args[0]) from error
            log.info("partitions_moved", source=self._settings.name, topic=self._settings.topic)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _open(self, stream: str, environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - confluent_kafka.Consumer
        quiet = logging.getLogger("driftwatch.kafka")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        settings = {
            **_LIMITS,
            **self._settings.options,
            **revealed(self._settings.secrets, environ=environ),
            "bootstrap.servers": self._settings.brokers,
            "group.id": self._settings.consumers or f"driftwatch-{stream}",
            "auto.offset.reset": "earliest" if self._settings.begin == "oldest" else "latest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "error_cb": self._note,
        }
        try:
            consumer = self._kafka.Consumer(settings, logger=quiet)
        except self._kafka.KafkaException as error:
            cure = "see librdkafka's CONFIGURATION.md"
            raise ConfigError(error.args[0].str(), where=f"source {self._settings.name}", cure=cure) from None
        consumer.subscribe([self._settings.topic])
        return consumer

    def _note(self, error: Any) -> None:  # noqa: ANN401 - confluent_kafka.KafkaError
        """Keep what librdkafka reports by the way, until messages come again; what follows from it says less."""
        if self._trouble is None or error.name() not in _SAYS_LITTLE:
            self._trouble = error

    def _look(self) -> None:
        """Ask whether what is wrong still is: librdkafka tells it once, and says nothing while it lasts."""
        topic = self._settings.topic
        if self._trouble.name() == _TOO_LARGE:
            return  # brokers that answer other questions do not make this answer smaller
        try:
            self._trouble = self._consumer.list_topics(topic, timeout=_LOOK_SECONDS).topics[topic].error
        except self._kafka.KafkaException as error:
            log.debug("brokers_do_not_answer", source=self._settings.name, what=error.args[0].str())

    def _page(self, messages: Sequence[Any]) -> Page:
        gathered, position = Gathered(), dict[int, int]()
        for message in messages:
            if (error := message.error()) is not None:
                if error.name() not in _HARMLESS:
                    self._trouble = error
                continue
            self._take(message, gathered)
            position[message.partition()] = message.offset() + 1
        if not position:
            return Page(texts=(), cursor=None)
        said = msgspec.json.encode({str(partition): offset for partition, offset in position.items()}).decode()
        return gathered.page(Cursor(source=self._settings.name, position=said), more=True)

    def _take(self, message: Any, gathered: Gathered) -> None:  # noqa: ANN401 - confluent_kafka.Message
        value, (_, milliseconds) = message.value(), message.timestamp()
        # A topic that was made anew begins at 0 again: its messages' times tell them from those of the old one.
        place = f"{message.topic()}:{message.partition()}:{message.offset()}:{milliseconds}"
        if value is None:
            gathered.take(Rejected("no-body"))
        elif len(value) > _LONGEST_MESSAGE:
            gathered.take(Rejected("too-long"))
        else:
            now = written_at(milliseconds, self._clock.now())
            take_payload(self._records, self._plain, value, gathered, place=place, now=now)

    def _explained(self, error: Any) -> DataError:  # noqa: ANN401 - confluent_kafka.KafkaError
        where = f"topic {self._settings.topic} of source {self._settings.name}"
        what, cure = f"Kafka cannot be read: {error.str()}", "check that the brokers run, and their addresses"
        if error.name() in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"):
            what, cure = "there is no such topic", "correct its name, or create it"
        elif "AUTH" in error.name() or "SASL" in error.name():
            what, cure = f"Kafka does not let us in: {error.str()}", "correct user, secrets or the user's rights"
        elif "SSL" in error.name() or "SSL_HANDSHAKE" in error.str():
            cure = 'check whether the brokers speak TLS here ("security.protocol"), and the certificates'
        elif "receive.message.max.bytes" in error.str():
            cure = 'an answer is larger than we take: raise "receive.message.max.bytes" in options'
        return DataError(what, where=where, cure=cure, retryable=True)

"""librdkafka's own mock of a cluster: it speaks the protocol over TCP, groups and offsets included, and can be broken.

Elections of leaders, replicas, transactions and logging in it does not have. Its levers are in librdkafka's C interface
(``rdkafka_mock.h``) alone, so they are reached through the library that confluent_kafka brings along.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

_PRODUCER = 0
_BROKER = 1
_WORDS = 512
_REBALANCE_MS = 100
"""How long the first members of a group wait for others; Kafka's own 3 s would be most of a test."""
_LARGE = {"message.max.bytes": 4_000_000}
FETCH = 1
METADATA = 3
JOIN_GROUP = 11
TOPIC_AUTHORIZATION_FAILED = 29
GROUP_AUTHORIZATION_FAILED = 30
"""Numbers of Kafka's protocol: of requests, and of what is wrong with them."""


class KafkaCluster:
    """A cluster of one broker, which keeps 5 MB of each partition."""

    def __init__(self) -> None:
        kafka = pytest.importorskip("confluent_kafka", reason="the extra kafka is not installed")
        self._library = _library(Path(kafka.__file__))
        words = ctypes.create_string_buffer(_WORDS)
        call = self._library
        quiet = call.rd_kafka_conf_new()
        assert call.rd_kafka_conf_set(quiet, b"log_level", b"0", words, len(words)) == 0, words.value
        self._client = call.rd_kafka_new(_PRODUCER, quiet, words, len(words))
        assert self._client, words.value
        self._cluster = call.rd_kafka_mock_cluster_new(self._client, 1)
        assert self._cluster
        call.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, _REBALANCE_MS)
        self.brokers = str(call.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())
        said = {"bootstrap.servers": self.brokers, "log_level": 0, "linger.ms": 0, **_LARGE}
        self.producer: Any = kafka.Producer(said)
        self.topics = 0

    def take_down(self) -> None:
        """Break the broker's connections and let it take no more."""
        assert self._library.rd_kafka_mock_broker_set_down(self._cluster, _BROKER) == 0

    def bring_up(self) -> None:
        """Let it take connections again, with all that it held."""
        assert self._library.rd_kafka_mock_broker_set_up(self._cluster, _BROKER) == 0

    def refuse(self, request: int, error: int, *, times: int) -> None:
        """Answer the next requests of a kind by an error."""
        errors = (ctypes.c_int * times)(*([error] * times))
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, times, errors)

    def relent(self, request: int) -> None:
        """Answer requests of a kind again."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, request)


def _library(package: Path) -> Any:
    found = [*package.parent.parent.glob("confluent_kafka.libs/librdkafka*.so*")]
    if not found:
        pytest.skip("confluent_kafka was built against another librdkafka, whose mock cannot be reached")
    library: Any = ctypes.CDLL(str(found[0]))
    library.rd_kafka_conf_new.restype = ctypes.c_void_p
    library.rd_kafka_conf_set.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 3, ctypes.c_size_t]
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    for name in ("rd_kafka_mock_broker_set_down", "rd_kafka_mock_broker_set_up"):
        getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_int32]
    library.rd_kafka_mock_group_initial_rebalance_delay_ms.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    array = [ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)]
    library.rd_kafka_mock_push_request_errors_array.argtypes = array
    library.rd_kafka_mock_clear_request_errors.argtypes = [ctypes.c_void_p, ctypes.c_int16]
    return library

"""Two consumers of one group, in processes of their own: one joins, one is killed, and every text is there once.

The cluster is librdkafka's own mock: joining, leaving, timeouts of sessions and moving partitions are its, over TCP.
Elections of leaders, replicas and transactions it does not have.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka_cluster import KafkaCluster
from source_places import NAME, STREAM, KafkaTopic, taking

PARTITIONS = 4
EACH = 300


class Consumer:
    """A process that reads a topic into a store, and what it has committed so far."""

    def __init__(self, topic: KafkaTopic, store: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "source_child", *topic.spec, str(store)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.pages = threading.Semaphore(0)
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for _ in self.process.stdout:
            self.pages.release()

    def commits(self, pages: int = 1) -> bool:
        """Wait until it has committed so many more pages."""
        return all(self.pages.acquire(timeout=60) for _ in range(pages))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._listener.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def consumer(topic: KafkaTopic, store: Path) -> Iterator[Consumer]:
    running = Consumer(topic, store)
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="module")
def cluster() -> KafkaCluster:
    return KafkaCluster()


def put(topic: KafkaTopic, begin: int, count: int) -> list[str]:
    bodies = [f"text {number}" for number in range(begin, begin + count)]
    for number, body in enumerate(bodies):
        topic.cluster.producer.produce(topic.topic, b'{"text": "%s"}' % body.encode(), partition=number % PARTITIONS)
    assert topic.cluster.producer.flush(30) == 0
    return bodies


def test_one_joins_and_one_is_killed(cluster: KafkaCluster, tmp_path: Path) -> None:
    topic, store = KafkaTopic(cluster), tmp_path / "taken.db"
    bodies = put(topic, 0, EACH)
    with taking(topic, tmp_path) as at_work:
        at_work.close()  # it only looks into the store; the processes read
        with consumer(topic, store) as first:
            assert first.commits()
            with consumer(topic, store) as second:
                bodies += put(topic, EACH, EACH)
                for _ in range(120):  # until partitions are its own, and texts come to them
                    if second.pages.acquire(timeout=0.5):
                        break
                    bodies += put(topic, len(bodies), PARTITIONS)
                first.kill()
                bodies += put(topic, len(bodies), EACH)
                while len(at_work.bodies()) < len(bodies):
                    assert second.commits()
        found = at_work.bodies()
        assert sorted(found) == sorted(bodies)
        assert at_work.store.counts.intake()[STREAM, NAME, "stored"] == len(bodies)

"""Brokers as they are in life: consumers that die, servers that go, wrong keys, huge messages, many records in one."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from kafka_cluster import FETCH, GROUP_AUTHORIZATION_FAILED, JOIN_GROUP, TOPIC_AUTHORIZATION_FAILED, KafkaCluster
from kafka_doorkeeper import Doorkeeper
from source_places import QUICK, KafkaTopic, RedisServer, Striding, redis_server

from driftwatch.domain.errors import ConfigError, DataError
from driftwatch.domain.text import Cursor, Page
from driftwatch.intake.connection import PatientSource, needed
from driftwatch.intake.kafka import KafkaSettings, KafkaSource
from driftwatch.intake.redis_streams import RedisSettings, RedisSource


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def says(server: RedisServer) -> RedisSettings:
    with server.client() as client:
        client.flushall()
    return RedisSettings(url=server.url, key="says", consumer="one", payload="record")


def redis_source(settings: RedisSettings, clock: Striding | None = None, **secrets: str) -> RedisSource:
    return RedisSource(settings, stream="support", clock=clock or Striding(timedelta()), environ=secrets)


def add(server: RedisServer, *records: object) -> None:
    with server.client() as client:
        for record in records:
            client.xadd("says", {"record": record if isinstance(record, bytes) else json.dumps(record)})


def bodies(page: Page) -> list[str]:
    return [text.body for text in page.texts]


def test_what_a_dead_consumer_took_is_taken_over(server: RedisServer, says: RedisSettings) -> None:
    add(server, {"text": "a"}, {"text": "b"})
    dead = redis_source(replace(says, consumer="dead"))
    assert bodies(dead.read(None, limit=1)) == ["a"]
    dead.close()
    with server.client() as client:
        client.execute_command("XCLAIM", "says", "driftwatch-support", "dead", 0, *_pending(server), "IDLE", 400_000)
    clock = Striding(timedelta())
    alive = redis_source(says, clock)
    assert bodies(alive.read(None, limit=1)) == ["a"]  # idle for longer than claim
    alive.acknowledge(_cursor(alive.read(None, limit=1)))
    assert bodies(alive.read(None, limit=9)) == ["b"]
    alive.close()


def _pending(server: RedisServer) -> list[bytes]:
    with server.client() as client:
        found = client.xpending_range("says", "driftwatch-support", "-", "+", 10)
    return [each["message_id"] for each in found]


def _cursor(page: Page) -> Cursor:
    assert page.cursor is not None
    return page.cursor


def test_acknowledged_entries_are_off_the_list(server: RedisServer, says: RedisSettings) -> None:
    add(server, {"text": "a"}, b"poison", {"text": "b"})
    source = redis_source(says)
    page = source.read(None, limit=9)
    assert (bodies(page), page.rejected) == (["a", "b"], {"not-json": 1})
    assert len(_pending(server)) == 3
    source.acknowledge(_cursor(page))
    assert _pending(server) == []
    source.close()


def test_two_consumers_share_a_stream(server: RedisServer, says: RedisSettings) -> None:
    add(server, *({"text": f"t{number}"} for number in range(10)))
    sources = [redis_source(replace(says, consumer=name)) for name in ("one", "two")]
    found = []
    for turn in range(4):
        page = sources[turn % 2].read(None, limit=3)
        found += bodies(page)
        if page.cursor:
            sources[turn % 2].acknowledge(page.cursor)
    assert sorted(found) == sorted(f"t{number}" for number in range(10))
    for each in sources:
        each.close()


def test_many_records_in_one_entry_and_entries_that_are_records(server: RedisServer, says: RedisSettings) -> None:
    add(server, [{"text": "a"}, {"text": "b"}, 7], b'{"text": "c"}\n{"text": "d"}\n')
    source = redis_source(says)
    page = source.read(None, limit=9)
    assert (bodies(page), page.rejected) == (["a", "b", "c", "d"], {"not-an-object": 1})
    assert len({text.id for text in page.texts}) == 4
    source.close()
    with server.client() as client:
        client.flushall()
        client.xadd("says", {"text": "plain", "who": "me"})
        client.xadd("says", {"text": b"\xff"})
    source = redis_source(replace(says, payload=None, group="who"))
    page = source.read(None, limit=9)
    assert ([(text.body, text.group) for text in page.texts], page.rejected) == ([("plain", "me")], {"not-utf8": 1})
    source.close()


def test_a_huge_entry_costs_no_memory(server: RedisServer, says: RedisSettings) -> None:
    import tracemalloc

    with server.client() as client:
        client.execute_command("XADD", "says", "*", "record", b"x" * 30_000_000)
    add(server, {"text": "small"}, {"text": "y" * 200_000})
    source = redis_source(says)
    tracemalloc.start()
    page = source.read(None, limit=9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert page.rejected == {"too-long": 1, "cut": 1}
    assert peak < 20e6
    source.close()


def test_no_stream_no_rights_and_the_wrong_kind_of_key(server: RedisServer, says: RedisSettings) -> None:
    source = redis_source(says)
    with pytest.raises(DataError, match="no such Redis stream") as caught:
        source.read(None, limit=1)
    assert caught.value.retryable
    add(server, {"text": "a"})
    assert bodies(source.read(None, limit=1)) == ["a"]
    source.close()
    with server.client() as client:
        client.set("word", "x")
        client.config_set("requirepass", "hunter2")
    wrong = redis_source(replace(says, key="word", password="env:WORD"), WORD="hunter2")
    with pytest.raises(DataError, match="something else than a stream"):
        wrong.read(None, limit=1)
    wrong.close()
    for settings, secret in ((says, ""), (replace(says, password="env:WORD"), "hunter3")):
        shut_out = redis_source(settings, WORD=secret)
        with pytest.raises(DataError, match="does not let us in") as refused:
            shut_out.read(None, limit=1)
        assert "hunter" not in str(refused.value)
        shut_out.close()
    server.stop()
    server.start()


def test_entries_that_were_trimmed_away(server: RedisServer, says: RedisSettings) -> None:
    """Those that were read and not acknowledged are counted; those that nobody read yet are gone, and it goes on."""
    add(server, *({"text": f"t{number}"} for number in range(6)))
    dead = redis_source(says)
    assert bodies(dead.read(None, limit=3)) == ["t0", "t1", "t2"]
    dead.close()
    with server.client() as client:
        client.xtrim("says", maxlen=1, approximate=False)
    add(server, {"text": "later"})
    source = redis_source(says)
    page = source.read(None, limit=9)
    if not page.texts:  # Redis 6 hands them out without their fields; 7 tells of them when they are claimed
        source.acknowledge(_cursor(page))
        gone, page = page.rejected, source.read(None, limit=9)
    else:
        gone = page.rejected
    assert (bodies(page), gone) == (["t5", "later"], {"deleted": 3})
    source.acknowledge(_cursor(page))
    assert _pending(server) == []
    source.close()


def test_a_stream_that_is_deleted_made_anew_and_made_something_else(server: RedisServer, says: RedisSettings) -> None:
    add(server, {"text": "a"})
    source = redis_source(says)
    source.acknowledge(_cursor(source.read(None, limit=9)))
    with server.client() as client:
        client.delete("says")
    for _ in range(3):
        with pytest.raises(DataError, match="no such Redis stream") as caught:
            source.read(None, limit=9)
        assert caught.value.retryable
    with server.client() as client:
        client.set("says", "words")
    with pytest.raises(DataError, match="something else than a stream"):
        source.read(None, limit=9)
    with server.client() as client:
        client.delete("says")
    add(server, {"text": "b"})
    assert bodies(source.read(None, limit=9)) == ["b"]
    source.close()


def test_a_user_who_may_not_do_all_that_reading_takes(server: RedisServer, says: RedisSettings) -> None:
    add(server, {"text": "a"})
    url = says.url.replace("redis://", "redis://reader@")
    settings = replace(says, url=url, password="env:WORD")
    rights = (["+ping"], ["+ping", "+xgroup"], ["+ping", "+xgroup", "+evalsha", "+script", "+eval"])
    for some in rights:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "reader", "reset", "on", ">hunter2", "~*", *some)
        source = redis_source(settings, WORD="hunter2")
        with pytest.raises(DataError, match="does not let us in") as refused:
            source.read(None, limit=9)
        assert refused.value.retryable
        assert "hunter" not in str(refused.value)
        source.close()
    with server.client() as client:
        more = ["+xreadgroup", "+xautoclaim", "+xack"]
        client.execute_command("ACL", "SETUSER", "reader", "reset", "on", ">hunter2", "~says", *rights[-1], *more)
    source = redis_source(settings, WORD="hunter2")
    page = source.read(None, limit=9)
    assert bodies(page) == ["a"]
    source.acknowledge(_cursor(page))
    source.close()


def test_a_server_that_goes_and_comes(server: RedisServer, says: RedisSettings) -> None:
    add(server, {"text": "a"}, {"text": "b"})
    source = redis_source(says)
    page = source.read(None, limit=1)
    server.stop()
    with pytest.raises(DataError, match="cannot be read"):
        source.acknowledge(_cursor(page))
    with pytest.raises(DataError, match="cannot be read"):
        source.read(None, limit=1)
    server.start()
    again = source.read(None, limit=1)
    assert [text.id for text in again.texts] == [text.id for text in page.texts]  # not acknowledged: known by its id
    source.acknowledge(_cursor(again))
    assert bodies(source.read(None, limit=1)) == ["b"]
    source.close()


@pytest.fixture(scope="module")
def cluster() -> KafkaCluster:
    return KafkaCluster()


def kafka_source(topic: KafkaTopic, **settings: object) -> KafkaSource:
    said = {
        "brokers": topic.cluster.brokers,
        "topic": topic.topic,
        "consumers": topic.topic,
        "options": QUICK,
        **settings,
    }
    return KafkaSource(KafkaSettings(**said), stream="support", clock=Striding(), environ={})  # type: ignore[arg-type]


def first(source: KafkaSource) -> Page:
    for _ in range(300):
        page = source.read(None, limit=9)
        if page.cursor is not None:
            return page
    raise AssertionError("nothing came")


def test_messages_of_every_kind(cluster: KafkaCluster) -> None:
    topic = KafkaTopic(cluster)
    topic.put(["a"])
    cluster.producer.produce(topic.topic, None, key=b"deleted", partition=0)
    cluster.producer.produce(topic.topic, b'[{"text": "b"}, {"text": "c"}]', partition=0)
    cluster.producer.produce(topic.topic, b"\xff\xfe", partition=0)
    assert cluster.producer.flush(30) == 0
    source = kafka_source(topic)
    page, found, rejected = first(source), list[str](), dict[str, int]()
    while len(found) < 3 or len(rejected) < 2:
        found += bodies(page)
        for reason, count in page.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
        if page.cursor:
            source.acknowledge(page.cursor)
        page = source.read(None, limit=9)
    assert (found, rejected) == (["a", "b", "c"], {"no-body": 1, "not-utf8": 1})
    source.close()


def test_a_topic_that_is_not_there(cluster: KafkaCluster) -> None:
    topic = KafkaTopic(cluster)
    source = kafka_source(topic)
    with pytest.raises(DataError, match="there is no such topic") as caught:
        first(source)
    assert caught.value.retryable
    assert caught.value.where == f"topic {topic.topic} of source kafka"
    topic.put(["now"])
    while True:
        try:
            page = first(source)
            break
        except DataError:
            continue
    assert bodies(page) == ["now"]
    source.close()


def until_told(source: KafkaSource, words: str) -> DataError:
    """Read until an error of these words is told."""
    for _ in range(300):
        try:
            page = source.read(None, limit=9)
        except DataError as error:
            if words in str(error):
                return error
            continue
        if page.cursor is not None:
            source.acknowledge(page.cursor)
    raise AssertionError("it was never told")


def test_what_is_wrong_is_told_as_long_as_it_is(cluster: KafkaCluster) -> None:
    """A topic that is not there, and then brokers that are not: one line in a log is soon forgotten."""
    topic = KafkaTopic(cluster)
    source = kafka_source(topic)
    for _ in range(3):
        assert until_told(source, "there is no such topic").retryable
    topic.put(["a"])
    assert bodies(patiently(source)) == ["a"]
    source.acknowledge(_cursor(source.read(None, limit=9)))
    cluster.take_down()
    try:
        for _ in range(3):
            told = until_told(source, "Kafka cannot be read")
            assert told.cure == "check that the brokers run, and their addresses"
    finally:
        cluster.bring_up()
    topic.put(["b"])
    assert bodies(patiently(source)) == ["b"]
    source.close()


def patiently(source: KafkaSource) -> Page:
    """Return the first page, whatever is told before it."""
    for _ in range(300):
        try:
            page = source.read(None, limit=9)
        except DataError:
            continue
        if page.cursor is not None:
            return page
    raise AssertionError("nothing came")


def test_a_user_who_may_not_read_the_topic_or_be_in_the_group(cluster: KafkaCluster) -> None:
    topic = KafkaTopic(cluster)
    topic.put(["a"])
    for request, error in ((FETCH, TOPIC_AUTHORIZATION_FAILED), (JOIN_GROUP, GROUP_AUTHORIZATION_FAILED)):
        cluster.refuse(request, error, times=1_000)
        source = kafka_source(topic, consumers=f"{topic.topic}-{request}")
        try:
            told = until_told(source, "does not let us in")
            assert told.cure == "correct user, secrets or the user's rights"
        finally:
            cluster.relent(request)
        assert bodies(patiently(source)) == ["a"]
        source.close()


def test_a_wrong_password_is_told_and_never_shown() -> None:
    with Doorkeeper() as broker:
        options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN", "sasl.username": "me", **QUICK}
        settings = KafkaSettings(
            brokers=broker.brokers, topic="says", options=options, secrets={"sasl.password": "env:WORD"}
        )
        source = KafkaSource(settings, stream="support", clock=Striding(), environ={"WORD": "hunter2"})
        for _ in range(3):
            told = until_told(source, "does not let us in")
            assert "Invalid username or password" in told.what
            assert "hunter2" not in str(told)
            assert told.retryable
        source.close()


def test_brokers_that_speak_no_tls(cluster: KafkaCluster) -> None:
    source = kafka_source(KafkaTopic(cluster), options={"security.protocol": "SSL", **QUICK})
    assert "speak TLS" in str(until_told(source, "Kafka cannot be read").cure)
    source.close()


def test_a_certificate_that_nobody_we_trust_has_signed(tmp_path: Path) -> None:
    ours, another = trustme.CA(), trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.issue_cert("127.0.0.1").configure_cert(tls)
    options = {"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": "me", **QUICK}
    with Doorkeeper(tls) as broker:
        for authority, words in ((another, "certificate verify failed"), (ours, "does not let us in")):
            authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
            settings = KafkaSettings(
                brokers=broker.brokers,
                topic="says",
                options={**options, "ssl.ca.location": str(tmp_path / "ca.pem")},
                secrets={"sasl.password": "env:WORD"},
            )
            source = KafkaSource(settings, stream="support", clock=Striding(), environ={"WORD": "hunter2"})
            assert ("certificates" in str(until_told(source, words).cure)) == (authority is another)
            source.close()


def test_huge_messages_are_counted_and_the_rest_goes_on(cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftwatch.intake.kafka._LONGEST_MESSAGE", 2_000_000)  # as much as the mock keeps four of
    topic = KafkaTopic(cluster)
    topic.put(["a"])
    cluster.producer.produce(topic.topic, b'{"text": "%s"}' % (b"x" * 3_000_000), partition=0)
    cluster.producer.produce(topic.topic, b'{"text": "%s"}' % (b"y" * 1_500_000), partition=0)
    assert cluster.producer.flush(30) == 0
    topic.put(["b"])
    source, found, rejected = kafka_source(topic), list[int](), dict[str, int]()
    while found[-1:] != [1] or len(found) < 3:
        page = patiently(source)
        found += [len(body) for body in bodies(page)]
        for reason, count in page.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
        source.acknowledge(_cursor(page))
    assert (found, rejected) == ([1, 65_536, 1], {"too-long": 1, "cut": 1})
    source.close()


def test_an_answer_that_is_larger_than_we_take(cluster: KafkaCluster) -> None:
    topic = KafkaTopic(cluster)
    cluster.producer.produce(topic.topic, b"x" * 2_000_000, partition=0)
    assert cluster.producer.flush(30) == 0
    least = {
        "receive.message.max.bytes": "1000000",
        "fetch.max.bytes": "999000",
        "message.max.bytes": "900000",
        **QUICK,
    }
    source = kafka_source(topic, options=least)
    told = until_told(source, "receive.message.max.bytes")
    assert told.cure == 'an answer is larger than we take: raise "receive.message.max.bytes" in options'
    source.close()


def test_messages_whose_form_changes_in_mid_stream(cluster: KafkaCluster) -> None:
    topic = KafkaTopic(cluster)
    topic.put(["a"])
    for value in (b'{"body": "renamed"}', b'{"text": {"nested": 1}}', b'{"text": "b", "more": 1}'):
        cluster.producer.produce(topic.topic, value, partition=0)
    assert cluster.producer.flush(30) == 0
    source, found, rejected = kafka_source(topic), list[str](), dict[str, int]()
    while found[-1:] != ["b"]:
        page = first(source)
        found += bodies(page)
        for reason, count in page.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
        source.acknowledge(_cursor(page))
    assert (found, rejected) == (["a", "b"], {"no-body": 1, "body-not-text": 1})
    source.close()


def test_brokers_that_are_not_there_and_options_that_are_none(cluster: KafkaCluster) -> None:
    topic = KafkaTopic(cluster)
    source = KafkaSource(
        KafkaSettings(
            brokers="127.0.0.1:1",
            topic=topic.topic,
            options={"reconnect.backoff.ms": "10", "reconnect.backoff.max.ms": "50"},
        ),
        stream="support",
        clock=Striding(),
        environ={},
    )
    with pytest.raises(DataError, match="Kafka cannot be read") as caught:
        first(source)
    assert caught.value.retryable
    source.close()
    with pytest.raises(ConfigError, match=r"no\.such\.thing"):
        kafka_source(topic, options={"no.such.thing": "1"})


def test_patience_grows_and_ends() -> None:
    class Failing:
        def __init__(self) -> None:
            self.asked = 0
            self.broken = True

        def read(self, after: object, *, limit: int) -> Page:
            del after, limit
            self.asked += 1
            if self.broken:
                raise DataError("gone", retryable=True)
            return Page(texts=(), cursor=None)

    clock, failing = Striding(timedelta(seconds=0.25)), Failing()
    patient = PatientSource(failing, clock=clock)
    failures = 0
    for _ in range(400):
        try:
            patient.read(None, limit=1)
        except DataError:
            failures += 1
    assert failures == failing.asked
    assert 5 < failures < 12  # after 1, 2, 4, … s and then once a minute, over some 200 s
    failing.broken = False
    clock.stride = timedelta(minutes=1)
    patient.read(None, limit=1)
    asked = failing.asked
    patient.read(None, limit=1)
    assert failing.asked == asked + 1


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(ConfigError) as caught:
        needed("no_such_package_here.sub", extra="kafka", where="source kafka")
    assert caught.value.cure == 'pip install "driftwatchd[kafka]"'


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        (RedisSettings, {"url": "redis://:hunter2@db/0", "key": "k"}, "stands in the URL"),
        (RedisSettings, {"url": "http://db", "key": "k"}, "must begin with redis://"),
        (RedisSettings, {"url": "redis://db", "key": ""}, "must name"),
        (RedisSettings, {"url": "redis://db", "key": "k", "claim": timedelta()}, "at least 1s"),
        (KafkaSettings, {"brokers": "b", "topic": "^t.*"}, "no pattern"),
        (KafkaSettings, {"brokers": "b", "topic": "t", "options": {"group.id": "x"}}, "commits offsets by itself"),
        (
            KafkaSettings,
            {"brokers": "b", "topic": "t", "options": {"sasl.password": "hunter2"}},
            "belongs into secrets",
        ),
        (KafkaSettings, {"brokers": "b", "topic": "t", "secrets": {"sasl.password": "hunter2"}}, "a secret is named"),
    ],
)
def test_settings_that_make_no_sense(kind: type, settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        kind(**settings)
    assert "hunter2" not in str(caught.value)

"""Several daemons on one PostgreSQL decide as one would, whoever is killed; and what a server's end costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from assessed import decisions, monitor_states, results
from corpus import paragraphs
from deployment import (
    DRIFTED,
    ENVIRONMENT,
    QUIET,
    STREAM,
    WINDOW,
    Daemon,
    Deployment,
    children,
    command,
    deploy,
    ready,
    twin,
    until,
)
from postgres import PostgresServer, Stores, postgres
from source_places import RedisServer, redis_server

from driftwatch.demo.workspace import free_port
from driftwatch.domain.decision import Action
from driftwatch.store import Store

pytestmark = pytest.mark.slow
QUIET_WINDOWS, DRIFTED_WINDOWS = 3, 3
BLOCK = 25
KILLED_IN = 2
"""The window in whose middle the leader is killed."""
FROM_REDIS = """
[[streams.{stream}.sources]]
type = "redis"
url = "{url}"
key = "says"
consumer = "{consumer}"
payload = "record"
id = "id"
time = "time"
claim = "2s"
"""
RULES = f"""\
stream: [{STREAM}]
rules:
  - {{name: suffers, when: loss.increase > 0.05, for: 2 windows, do: alert, limits: {{cooldown: 1h}}}}
  - {{name: drifted, when: drift.alarm, do: alert}}
"""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Deployment:
    made = deploy(tmp_path_factory.mktemp("hosts") / "a", Stores(postgres_server))
    (made.folder / "policies" / "policy.yaml").write_text(RULES)
    return made


def beside(deployment: Deployment, folder: Path) -> Deployment:
    """Return another host's daemon: the same store and state folder, its own configuration, port and log."""
    folder.mkdir()
    other = Deployment(folder=folder, port=free_port(), database=deployment.database, stores=deployment.stores)
    written = deployment.config.read_text().replace(str(deployment.port), str(other.port))
    for name in ("state", "policies/*.yaml", "champion", "training.jsonl", "production.jsonl"):
        written = written.replace(f'"{name}"', f'"{deployment.folder / name}"')
    written = written.replace(f'kind = "{deployment.folder / "champion"}"', 'kind = "champion"')
    other.config.write_text(written)
    return other


def records() -> list[dict[str, str]]:
    bodies = paragraphs(QUIET, 1_000 + QUIET_WINDOWS * WINDOW)[1_000:] + paragraphs(DRIFTED, DRIFTED_WINDOWS * WINDOW)
    return [
        {"id": f"t{n:04d}", "text": body, "time": f"2026-01-01T00:{n // 60:02d}:{n % 60:02d}Z"}
        for n, body in enumerate(bodies)
    ]


def say(server: RedisServer, some: list[dict[str, str]]) -> None:
    with server.client() as client, client.pipeline() as pipeline:
        for record in some:
            pipeline.xadd("says", {"record": json.dumps(record)})
        pipeline.execute()


def in_turn(daemons: Sequence[Daemon], server: RedisServer, some: list[dict[str, str]], store: Store) -> None:
    """Let the daemons take texts in by turns, a block each: whoever has found one would go on alone otherwise."""
    for number, begin in enumerate(range(0, len(some), BLOCK)):
        resting = daemons[number % len(daemons)]
        os.kill(resting.pid, signal.SIGSTOP)
        block = some[begin : begin + BLOCK]
        wanted = stored(store) + len(block)
        say(server, block)
        until(lambda wanted=wanted: stored(store) == wanted or None, "intake")  # type: ignore[misc]
        os.kill(resting.pid, signal.SIGCONT)


def metric(deployment: Deployment, name: str) -> float | None:
    for line in httpx.get(f"{deployment.url}/metrics", timeout=10).text.splitlines():
        if line.startswith(name):
            return float(line.rpartition(" ")[2])
    return None


def decided(store: Store) -> list[tuple[object, ...]]:
    """Return what was decided and why, without the clock's words: one daemon decides later than two did."""
    return [
        (each.window, each.rule, each.action, each.policy, tuple((why.subject, why.met) for why in each.reasons))
        for each in decisions(store)
    ]


def test_two_hosts_decide_as_one_though_the_leader_is_killed(
    first: Deployment, redis: RedisServer, tmp_path: Path
) -> None:
    alone = twin(first, tmp_path / "alone")
    second = beside(first, tmp_path / "b")
    for consumer, host in (("a", first), ("b", second)):
        more = FROM_REDIS.format(stream=STREAM, url=redis.url, consumer=consumer)
        host.config.write_text(host.config.read_text() + more)
    said = records()
    store, only = first.store(), alone.store()
    play((first, second), redis, store, said)
    nothing_is_lost(store, said)
    copied(first, alone)
    with Daemon(alone) as daemon:
        until(lambda: only.windows.position(STREAM).index == len(said) // WINDOW or None, "the windows of one daemon")
        assert daemon.stop() == 0
    assert results(only) == results(store), "bit for bit"
    assert decided(only) == decided(store)
    assert {action for _, _, action, *_ in decided(store)} >= {Action.ALERT}
    assert monitor_states(only) == monitor_states(store)
    for each in (store, only):
        each.close()


def play(hosts: tuple[Deployment, Deployment], redis: RedisServer, store: Store, said: list[dict[str, str]]) -> None:
    """Feed two daemons, and kill the one that leads in the middle of a window: the other takes over."""
    daemons = {host.port: Daemon(host) for host in hosts}
    with ExitStack() as running:
        for host in hosts:
            running.enter_context(daemons[host.port])
            until(lambda host=host: ready(host), "the daemon to be ready")  # type: ignore[misc]
        leads, follows = hosts if metric(hosts[0], "driftwatch_leader") else hosts[::-1]
        one_leads(leads, follows)
        turns, before = (daemons[leads.port], daemons[follows.port]), KILLED_IN * WINDOW
        in_turn(turns, redis, said[:before], store)
        until(lambda: store.windows.position(STREAM).index == KILLED_IN or None, "the windows before")
        (worker,) = children(daemons[leads.port].pid)
        os.kill(worker, signal.SIGSTOP)
        in_turn(turns, redis, said[before : before + WINDOW + BLOCK], store)
        until(lambda: store.windows.position(STREAM).attempts or None, "the leader to be in the middle of a window")
        shares = [metric(host, "driftwatch_text_length_characters_count") for host in (leads, follows)]
        assert all(shares), "both took texts in"
        daemons[leads.port].kill()
        killed = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        say(redis, said[before + WINDOW + BLOCK :])
        until(lambda: metric(follows, "driftwatch_leader") or None, "the other to lead", seconds=60)
        led = time.monotonic() - killed
        until(lambda: store.windows.position(STREAM).index > KILLED_IN or None, "the window that was cut off")
        finished = time.monotonic() - killed
        until(lambda: store.windows.position(STREAM).index == len(said) // WINDOW or None, "the last window")
        assert daemons[follows.port].stop() == 0
    print(f"texts by host {shares}; leads after {led:.2f} s, its window done after {finished:.2f} s")


def one_leads(leads: Deployment, follows: Deployment) -> None:
    assert (metric(leads, "driftwatch_leader"), metric(follows, "driftwatch_leader")) == (1.0, 0.0)
    assert metric(follows, "driftwatch_backlog_texts") is None, "the store's figures are shown once"
    page = httpx.get(follows.url + "/").text
    assert f":{leads.port} leads" in page
    assert f":{follows.port}" in page


def nothing_is_lost(store: Store, said: list[dict[str, str]]) -> None:
    assert store.counts.intake()[STREAM, "redis", "stored"] == len(said)
    kept = store.texts.window(STREAM, after_seq=0, limit=10_000)
    assert sorted(each.text.id for each in kept) == [record["id"] for record in said], "none lost, none twice"
    spans = [(kept[at].seq, kept[at + WINDOW - 1].seq) for at in range(0, len(said), WINDOW)]
    assert [(each.first_seq, each.last_seq) for each in results(store)] == spans, "each assessed once"


def stored(store: Store) -> int:
    return store.counts.intake().get((STREAM, "redis", "stored"), 0)


def copied(source: Deployment, target: Deployment) -> None:
    """Copy the texts of a store into another, each with its number."""
    assert source.database
    assert target.database
    with (
        psycopg.connect(source.database) as read,
        psycopg.connect(target.database) as write,
        read.cursor().copy("COPY texts TO STDOUT") as rows,
        write.cursor().copy("COPY texts FROM STDIN") as into,
    ):
        for row in rows:
            into.write(row)


def test_a_host_that_does_not_see_the_others_files_says_so(first: Deployment, tmp_path: Path) -> None:
    strange = beside(first, tmp_path / "strange")
    models = first.state / "models"
    models.rename(first.state / "models-elsewhere")
    try:
        with Daemon(strange) as daemon:
            until(lambda: None if daemon.alive else True, "its end", seconds=60)
    finally:
        (first.state / "models-elsewhere").rename(models)
    log = (strange.folder / "daemon.log").read_text()
    assert f"the serving model of stream {STREAM} is not on this host: {models}" in log
    assert "let every host see the same state_dir" in log


def test_a_host_that_differs_takes_texts_in_and_does_not_lead(first: Deployment, tmp_path: Path) -> None:
    other = beside(first, tmp_path / "other")
    same = other.config.read_text()
    other.config.write_text(same.replace(f"window = {WINDOW}", f"window = {WINDOW + 10}"))
    words = f"stream {STREAM}, window: {WINDOW + 10} here, {WINDOW} agreed"
    with Daemon(first) as leads, Daemon(other) as differs:
        for host in (first, other):
            until(lambda host=host: ready(host), "the daemon to be ready")  # type: ignore[misc]
        if metric(other, "driftwatch_leader"):
            assert differs.stop() == 0  # it was quicker, and what it has would be what is agreed
            until(lambda: metric(first, "driftwatch_leader") or None, "the one that stays to lead", seconds=30)
            differs.start()
            until(lambda: ready(other), "the daemon to be ready")
        until(lambda: True if metric(other, AGREES) == 0.0 else None, "it to see that it differs", seconds=30)
        assert (metric(first, "driftwatch_leader"), metric(first, AGREES)) == (1.0, 1.0)
        assert posted(other, "by-the-other") == 202
        said = httpx.get(first.url + "/", timeout=10).text
        assert "hosts differ" in said
        assert words in said
        assert words in shown("status", first)
        assert words in shown("check", other)
        leads.kill()
        looked = metric(other, LOOKS) or 0.0
        until(lambda: (metric(other, LOOKS) or 0.0) >= looked + 5 or None, "it to look some times", seconds=60)
        assert metric(other, "driftwatch_leader") == 0.0
        assert posted(other, "by-the-other-alone") == 202
        assert differs.stop() == 0
        other.config.write_text(same)
        differs.start()
        until(lambda: (ready(other) and metric(other, "driftwatch_leader")) or None, "it to lead", seconds=60)
        assert differs.stop() == 0
    log = (other.folder / "daemon.log").read_text()
    assert "host_differs" in log
    assert words in log


AGREES, LOOKS = "driftwatch_configuration_agrees", 'driftwatch_loop_rounds_total{loop="lead"}'


def shown(name: str, deployment: Deployment) -> str:
    asked = command(name, "--json", "--config", str(deployment.config))
    return subprocess.run(asked, check=False, env=ENVIRONMENT, capture_output=True, text=True, timeout=120).stdout


BARE = """\
state_dir = "state"
store = "{url}"
policies = []
[daemon]
listen = "127.0.0.1:{port}"
poll = "100ms"
[streams.docs]
[[streams.docs.sources]]
type = "http"
[[streams.docs.sources]]
type = "file"
path = "production.jsonl"
"""


def test_a_server_that_goes_and_comes_costs_nothing(tmp_path: Path) -> None:
    """While it is away texts are refused and files wait; afterwards the daemon goes on by itself."""
    with postgres() as server:
        host = Deployment(folder=tmp_path, port=free_port(), database=server.url)
        host.config.write_text(BARE.format(url=server.url, port=host.port))
        (tmp_path / "production.jsonl").touch()
        with Daemon(host) as daemon:
            until(lambda: posted(host, "a") == 202 or None, "the daemon", seconds=60)
            server.stop()
            assert posted(host, "b") == 503
            host.append(["written meanwhile"], start=0)
            until(lambda: unready(host, "does not answer"), "the daemon to say so", seconds=60)
            assert metric(host, "driftwatch_leader") == 0.0
            server.start()
            until(lambda: posted(host, "b") == 202 or None, "the daemon to go on", seconds=30)
            until(lambda: metric(host, "driftwatch_leader") or None, "the daemon to lead again", seconds=30)
            store = host.store()
            until(lambda: store.texts.backlog("docs", after_seq=0) == 3 or None, "all three texts", seconds=30)
            store.close()
            assert daemon.alive
            assert daemon.stop() == 0


def posted(host: Deployment, name: str) -> int:
    try:
        body = {"id": name, "text": "a text"}
        return httpx.post(f"{host.url}/v1/streams/docs/texts", json=body, timeout=30).status_code
    except httpx.TransportError:
        return 0


def unready(host: Deployment, words: str) -> bool | None:
    answer = httpx.get(f"{host.url}/-/ready", timeout=10)
    return True if answer.status_code == 503 and words in answer.text else None

"""The running daemon: light, answering, honest about what it cannot do, and outlived by its jobs."""

from __future__ import annotations

import gzip
import json
import os
import signal
from pathlib import Path

import httpx
import pytest
from corpus import paragraphs
from deployment import (
    DRIFTED,
    QUIET,
    STREAM,
    WINDOW,
    Daemon,
    Deployment,
    children,
    deploy,
    job_pids,
    ready,
    run,
    until,
)
from postgres import Stores

from driftwatch.domain.run import RunState
from driftwatch.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.both_stores]
HEAVY = ("torch", "numpy", "scipy", "sklearn", "pandas", "pyarrow")
TEXTS = f"/v1/streams/{STREAM}/texts"


def mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def arguments(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def idle(store: Store) -> bool:
    """Whether no window is being assessed, and too few texts for another one wait."""
    position = store.windows.position(STREAM)
    return not position.attempts and store.texts.backlog(STREAM, after_seq=position.after_seq) < WINDOW


def stored(store: Store, source: str) -> int:
    return store.counts.intake().get((STREAM, source, "stored"), 0)


def test_the_daemon_loads_nothing_heavy(daemon: Daemon, deployment: Deployment) -> None:
    libraries = mapped(daemon.pid)
    assert [name for name in HEAVY if f"/{name}/" in libraries] == []
    resident = int(
        next(line for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if "VmRSS" in line).split()[1]
    )
    assert resident < (100 if deployment.database is None else 110) * 1024  # the driver of PostgreSQL takes 9 MB


def test_a_request_is_taken_in_once(daemon: Daemon, deployment: Deployment) -> None:
    del daemon
    store = deployment.store()
    before = stored(store, "http")
    body = json.dumps([{"id": "once-1", "text": "mail me at jane@example.org"}, {"id": "once-2", "text": "a text"}])
    first = httpx.post(deployment.url + TEXTS, content=body, headers={"Content-Type": "application/json"})
    again = httpx.post(
        deployment.url + TEXTS,
        content=gzip.compress(body.encode()),
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    assert (first.status_code, first.json()["stored"], first.json()["duplicates"]) == (202, 2, 0)
    assert (again.status_code, again.json()["stored"], again.json()["duplicates"]) == (202, 0, 2)
    assert stored(store, "http") == before + 2
    bodies = {text.text.id: text.text.body for text in store.texts.window(STREAM, after_seq=0, limit=10_000)}
    assert bodies["once-1"] == "mail me at <EMAIL>"
    store.close()


def test_feedback_is_taken_and_counted(daemon: Daemon, deployment: Deployment) -> None:
    del daemon
    kind = {"Content-Type": "application/json"}
    path = deployment.url + TEXTS.replace("/texts", "/feedback")
    sent = httpx.post(
        path, content=json.dumps([{"id": "fed-1", "correct": True}, {"id": "fed-2", "rating": 0.5}]), headers=kind
    )
    assert (sent.status_code, sent.json()) == (202, {"stored": 2, "repeated": 0, "unknown": 2})
    refused = httpx.post(path, content=json.dumps([{"id": "fed-1"}]), headers=kind)
    assert (refused.status_code, refused.json()["line"]) == (400, 1)
    counted = f'driftwatch_feedback_total{{outcome="correct",stream="{STREAM}"}} 1.0'
    until(lambda: counted in httpx.get(deployment.url + "/metrics").text, "the feedback to be counted")


@pytest.mark.parametrize(
    ("path", "content", "headers", "status", "said"),
    [
        ("/v1/streams/nobody/texts", b"{}", {"Content-Type": "application/json"}, 404, "nobody"),
        (TEXTS, b"{", {"Content-Type": "application/json"}, 400, "JSON"),
        (TEXTS, b'{"text":"a"}\n{"text":', {"Content-Type": "application/x-ndjson"}, 400, "line"),
        (TEXTS, b'{"words":"a"}', {"Content-Type": "application/json"}, 422, "no-body"),
        (TEXTS, b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
        (TEXTS, b"\x1f\x8bnot", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 400, "unpacked"),
        (TEXTS, b"[]", {"Content-Type": "application/json"}, 422, "no record"),
    ],
)
def test_a_bad_request_is_told_why(
    daemon: Daemon, deployment: Deployment, path: str, content: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    del daemon
    answer = httpx.post(deployment.url + path, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.text


def test_metrics_answer_while_the_worker_assesses(daemon: Daemon, deployment: Deployment) -> None:
    """The worker stands still in the middle of a window: what is answered meanwhile does not wait for it."""
    store = deployment.store()
    first = store.windows.position(STREAM).index
    texts = paragraphs(QUIET, 1_000 + 3 * WINDOW)[1_000:]
    deployment.append(texts[:WINDOW], start=50_000)
    until(lambda: store.windows.position(STREAM).index > first or None, "a window, and so a worker")
    until(lambda: idle(store) or None, "what waits to be assessed")
    (worker,) = (pid for pid in children(daemon.pid) if b"worker" in arguments(pid))
    assert b"OPENBLAS_NUM_THREADS=1" in Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    os.kill(worker, signal.SIGSTOP)
    try:
        before = store.windows.position(STREAM)
        deployment.append(texts[WINDOW:], start=51_000)
        until(lambda: store.windows.position(STREAM).attempts or None, "a window to be begun")
        for path in ("/metrics", "/", "/-/healthy", "/metrics"):
            assert httpx.get(deployment.url + path, timeout=60).is_success
        during = store.windows.position(STREAM)
        assert (during.index, during.attempts) == (before.index, 1), "it is still being assessed"
    finally:
        os.kill(worker, signal.SIGCONT)
    until(lambda: store.windows.position(STREAM).index >= first + 3 or None, "three windows")
    store.close()


def test_a_bad_policy_is_refused_and_the_old_rules_stay(daemon: Daemon, deployment: Deployment) -> None:
    del daemon
    file = deployment.folder / "policies" / "policy.yaml"
    good = file.read_text()
    file.write_text(good.replace("loss.increase", "loss.incraese"))
    try:
        answer = httpx.post(deployment.url + "/-/reload")
        assert answer.status_code == 422
        assert "loss.increase" in answer.text
        assert "policy.yaml:4:" in answer.text
        until(lambda: True if "driftwatch_config_reload_success 0.0" in metrics(deployment) else None, "the metric")
    finally:
        file.write_text(good)
    assert httpx.post(deployment.url + "/-/reload").json()["reloaded"] is True
    run("reload", "--config", str(deployment.config))


def metrics(deployment: Deployment) -> str:
    return httpx.get(deployment.url + "/metrics").text


def test_pages_show_windows_and_nothing_else(daemon: Daemon, deployment: Deployment) -> None:
    del daemon
    store = deployment.store()
    first = store.windows.position(STREAM).index
    deployment.append(paragraphs(QUIET, 1_000 + WINDOW)[1_000:], start=60_000)
    until(lambda: True if store.windows.position(STREAM).index > first else None, "a window")
    store.close()
    assert "docs" in httpx.get(deployment.url + "/").text
    assert "Measures" in httpx.get(f"{deployment.url}/streams/{STREAM}/windows/0").text
    for path in (f"/streams/{STREAM}/windows/999999", "/streams/../windows/0", "/runs/..%2f..%2fetc", "/etc/passwd"):
        assert httpx.get(deployment.url + path).status_code == 404


def test_a_job_outlives_the_daemon(tmp_path: Path, stores: Stores) -> None:
    deployment = deploy(tmp_path / "here", stores)
    store = deployment.store()
    drifted = paragraphs(DRIFTED, 4 * WINDOW)
    with Daemon(deployment) as daemon:
        until(lambda: ready(deployment), "the daemon to be ready")
        deployment.append(drifted, start=0)
        job = until(lambda: next(iter(job_pids(deployment)), None), "a job")
        daemon.kill()
        assert Path(f"/proc/{job}").exists()

        def ended() -> RunState | None:
            (only,) = store.runs.list(stream=STREAM)
            return only.state if only.state.final or only.state is RunState.PROBATION else None

        assert until(ended, "the promotion without a daemon") is RunState.PROBATION
        daemon.start()
        until(lambda: ready(deployment), "the daemon to be ready again")
        assert kept_though_killed(deployment, daemon, store) is RunState.KEPT
        champion = store.registry.champion(STREAM)
        assert champion is not None
        assert champion.run == store.runs.list(stream=STREAM)[0].spec.id
        assert daemon.stop() == 0
    run("runs", "rollback", str(champion.run), "--config", str(deployment.config))
    back = store.registry.champion(STREAM)
    assert back is not None
    assert back.version == champion.previous
    assert (deployment.state / "models" / STREAM / "current").resolve() == Path(back.path)
    store.close()


def kept_though_killed(deployment: Deployment, daemon: Daemon, store: Store) -> RunState:
    """Feed the windows of the probation, killing the daemon after each; return how it ended."""
    first, after = store.windows.position(STREAM).index, paragraphs(DRIFTED, 7 * WINDOW)[4 * WINDOW :]
    for number in range(3):
        deployment.append(after[number * WINDOW : (number + 1) * WINDOW], start=(4 + number) * WINDOW)
        until(lambda wanted=first + number: True if store.windows.position(STREAM).index > wanted else None, "a window")  # type: ignore[misc]
        daemon.kill()
        daemon.start()

    def ended() -> RunState | None:
        (only,) = store.runs.list(stream=STREAM)
        return only.state if only.state.final else None

    return until(ended, "the probation's end")


def test_a_second_daemon_is_refused_in_the_state_folder_and_on_the_port(daemon: Daemon, deployment: Deployment) -> None:
    del daemon
    log = deployment.folder / "daemon.log"
    second = Daemon(deployment)
    second.start()
    until(lambda: None if second.alive else True, "the second daemon's end")
    assert "a daemon runs with this state folder already\n" in log.read_text()
    deployment.config.write_text(deployment.config.read_text().replace('state_dir = "state"', 'state_dir = "another"'))
    second.start()
    until(lambda: None if second.alive else True, "the second daemon's end")
    assert f"cannot listen on 127.0.0.1:{deployment.port}: Address already in use\n" in log.read_text()
    assert "driftwatch doctor says whose it is" in log.read_text()

from __future__ import annotations

import hmac
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from http_receiver import HttpReceiver
from vllm_server import VllmServer

from driftwatch.retrain.health import CheckSettings, Pace
from driftwatch.retrain.reload import Means, ReloadReport, ReloadSettings, Told, reload
from driftwatch.retrain.vllm import VllmSettings

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class Time:
    """A clock that goes on only while somebody waits."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, list[float]()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


def tell(settings: ReloadSettings, folder: Path, time: Time | None = None, **told: str | None) -> ReloadReport:
    time = time or Time()
    means = Means(environ={}, now=lambda: AT, pace=Pace(now=lambda: time.now, wait=time.wait))
    facts = {"version": "v2", "parent": "v1", "first": "v1", **told}
    return reload(settings, Told(stream="support", path=folder, **facts), means)  # type: ignore[arg-type]


def test_nothing_to_tell(tmp_path: Path) -> None:
    assert tell(ReloadSettings(), tmp_path) == ReloadReport(called=0, problems=(), refused=None)


def test_the_command_gets_the_resolved_folder(tmp_path: Path) -> None:
    (tmp_path / "v2").mkdir()
    (tmp_path / "current").symlink_to("v2")
    code = (
        "import os, sys; told = sys.argv[2], os.environ['DRIFTWATCH_PATH'], os.environ['DRIFTWATCH_VERSION'];"
        "open(sys.argv[1], 'w').write(' '.join(told))"
    )
    settings = ReloadSettings(command=(sys.executable, "-c", code, str(tmp_path / "told"), "{stream}:{path}"))
    assert tell(settings, tmp_path / "current") == ReloadReport(called=1)
    resolved = str((tmp_path / "v2").resolve())
    assert (tmp_path / "told").read_text() == f"support:{resolved} {resolved} v2"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ((sys.executable, "-c", "import sys; sys.exit('no such server')"), "ended with code 1: no such server"),
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with code 3: no message"),
        (("/nowhere/reload",), "/nowhere/reload cannot be started: No such file or directory"),
        (("/bin/true", "a\0b"), "cannot be started: embedded null byte"),
        ((sys.executable, "-c", "import threading; threading.Event().wait()"), "did not end within 0.3 s"),
    ],
)
def test_a_failing_command_is_reported(tmp_path: Path, command: tuple[str, ...], problem: str) -> None:
    patience = timedelta(seconds=0.3 if "within" in problem else 30)
    report = tell(ReloadSettings(command=command, timeout=patience), tmp_path)
    assert (report.called, report.refused) == (1, None)
    assert problem in report.problems[0]


def test_the_webhook_gets_the_facts(tmp_path: Path) -> None:
    with HttpReceiver([204]) as receiver:
        assert tell(ReloadSettings(webhook=receiver.url), tmp_path) == ReloadReport(called=1)
    (post,) = receiver.posts
    assert post.json == {"stream": "support", "version": "v2", "path": str(tmp_path.resolve()), "model": "v2"}
    assert "X-Driftwatch-Signature" not in post.headers


def test_the_webhook_is_signed_over_time_and_body(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    settings = ReloadSettings(webhook="http://127.0.0.1:1/", secret=f"file:{tmp_path / 'secret'}")
    with HttpReceiver([200]) as receiver:
        assert tell(replace(settings, webhook=receiver.url), tmp_path).problems == ()
    (post,) = receiver.posts
    timestamp = post.headers["X-Driftwatch-Timestamp"]
    assert timestamp == str(int(AT.timestamp()))
    expected = hmac.digest(b"s3cret", timestamp.encode() + b"." + post.body, "sha256").hex()
    assert post.headers["X-Driftwatch-Signature"] == f"v1={expected}"
    (tmp_path / "secret").unlink()
    with HttpReceiver([200]) as receiver:
        assert "cannot be read" in tell(replace(settings, webhook=receiver.url), tmp_path).problems[0]
    assert receiver.posts == []


def test_a_failing_webhook_is_reported(tmp_path: Path) -> None:
    with HttpReceiver([503], say=b"warming up") as receiver:
        problems = tell(ReloadSettings(webhook=receiver.url), tmp_path).problems
    assert problems == ("the reload webhook answered 503: warming up",)
    assert "did not answer" in tell(ReloadSettings(webhook=receiver.url), tmp_path).problems[0]


def test_a_check_is_asked_again_with_growing_pauses(tmp_path: Path) -> None:
    count = tmp_path / "count"
    code = (
        "import sys; path = sys.argv[1]; seen = len(open(path).read()) if __import__('os').path.exists(path) else 0;"
        "open(path, 'a').write('x'); sys.exit('loading' if seen < 3 else 0)"
    )
    check = CheckSettings(command=(sys.executable, "-c", code, str(count)), every=timedelta(seconds=2))
    time = Time()
    assert tell(ReloadSettings(check=check), tmp_path, time).refused is None
    assert time.waits == [2, 4, 8]


def test_a_check_ends_at_its_deadline(tmp_path: Path) -> None:
    code = "import sys; sys.exit('still loading')"
    check = CheckSettings(
        command=(sys.executable, "-c", code), every=timedelta(seconds=2), within=timedelta(seconds=20)
    )
    time = Time()
    refused = tell(ReloadSettings(check=check), tmp_path, time).refused
    assert refused is not None
    assert "still loading" in refused
    assert "4 checks within 20 s" in refused
    assert time.now == 14


@pytest.mark.parametrize(("says", "served"), [(b'{"model": "v2"}', True), (b'{"model": "v1"}', False)])
def test_the_served_version_is_asked_for(tmp_path: Path, says: bytes, served: bool) -> None:
    with HttpReceiver([200], say=says) as receiver:
        check = CheckSettings(url=f"{receiver.url}/health?stream={{stream}}", expect="{version}")
        refused = tell(ReloadSettings(check=check), tmp_path).refused
    assert (refused is None) is served
    if refused is not None:
        assert 'does not say "v2"' in refused


def test_a_check_that_answers_an_error_refuses(tmp_path: Path) -> None:
    with HttpReceiver([500], say=b"out of memory") as receiver:
        refused = tell(ReloadSettings(check=CheckSettings(url=receiver.url)), tmp_path).refused
    assert refused is not None
    assert "answered 500: out of memory" in refused


def adapter(folder: Path) -> Path:
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter" / "adapter_config.json").write_text("{}")
    return folder


def test_vllm_loads_the_new_adapter_then_unloads_the_old(tmp_path: Path) -> None:
    routed = tmp_path / "routed"
    code = "import os, sys; open(sys.argv[1], 'a').write(os.environ['DRIFTWATCH_MODEL'] + ' ')"
    command = (sys.executable, "-c", code, str(routed))
    with VllmServer(key="k3y") as server:
        (tmp_path / "key").write_text("k3y")
        settings = ReloadSettings(
            command=command,
            vllm=VllmSettings(url=server.url, key=f"file:{tmp_path / 'key'}"),
            timeout=timedelta(seconds=10),
        )
        assert tell(settings, adapter(tmp_path / "v2"), version="v2") == ReloadReport(called=2)
        server.adapters["support-eu.v1"] = "/elsewhere"
        assert tell(settings, tmp_path / "v2", version="v2") == ReloadReport(called=2)
        assert server.calls == [("load_lora_adapter", "support.v2")], "the second time it is served already"
        assert tell(settings, adapter(tmp_path / "v3"), version="v3").refused is None
        assert server.adapters == {
            "support-eu.v1": "/elsewhere",
            "support.v3": str((tmp_path / "v3" / "adapter").resolve()),
        }
        assert server.calls[1:] == [("load_lora_adapter", "support.v3"), ("unload_lora_adapter", "support.v2")]
        assert tell(settings, tmp_path, version="v1", parent=None) == ReloadReport(called=2)
        assert server.adapters == {"support-eu.v1": "/elsewhere"}
    assert routed.read_text().split() == ["support.v2", "support.v2", "support.v3", "base-model"]


def test_what_vllm_does_not_list_is_not_routed_to(tmp_path: Path) -> None:
    marker = tmp_path / "routed"
    with VllmServer() as server:
        server.stale = True
        settings = ReloadSettings(command=("touch", str(marker)), vllm=VllmSettings(url=server.url))
        report = tell(settings, adapter(tmp_path / "v2"))
    assert report.refused is not None
    assert "does not list it" in report.refused
    assert not marker.exists()


def test_an_adapter_under_the_same_name_from_elsewhere_is_replaced(tmp_path: Path) -> None:
    with VllmServer() as server:
        server.adapters["support.v2"] = "/moved/away"
        assert tell(ReloadSettings(vllm=VllmSettings(url=server.url)), adapter(tmp_path / "v2")).refused is None
        assert server.adapters == {"support.v2": str((tmp_path / "v2" / "adapter").resolve())}


def test_an_adapter_of_other_weights_is_refused(tmp_path: Path) -> None:
    with VllmServer() as server:
        settings = ReloadSettings(vllm=VllmSettings(url=server.url))
        report = tell(settings, adapter(tmp_path / "v3"), version="v3", parent="v2")
        assert report.refused is not None
        assert "belongs to the weights of v2, and vLLM was started with v1" in report.refused
        based = ReloadSettings(vllm=VllmSettings(url=server.url, base="v2"))
        assert tell(based, tmp_path / "v3", version="v3", parent="v2").refused is None
        (tmp_path / "bare").mkdir()
        refused = tell(settings, tmp_path / "bare").refused
    assert refused is not None
    assert "has no adapter" in refused


def test_a_vllm_that_is_away_or_refuses_is_told(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "v2")
    with VllmServer(key="other") as server:
        refused = tell(ReloadSettings(vllm=VllmSettings(url=server.url)), folder).refused
    assert refused is not None
    assert "answered 401" in refused
    refused = tell(ReloadSettings(vllm=VllmSettings(url=server.url)), folder).refused
    assert refused is not None
    assert "vLLM did not answer" in refused


def test_old_adapters_stay_while_requests_still_go_to_them(tmp_path: Path) -> None:
    with VllmServer() as server:
        server.adapters["support.v1b"] = "/old"
        settings = ReloadSettings(command=("/bin/false",), vllm=VllmSettings(url=server.url))
        report = tell(settings, adapter(tmp_path / "v2"))
        assert len(report.problems) == 1
        assert set(server.adapters) == {"support.v1b", "support.v2"}


def test_settings_check_themselves() -> None:
    with pytest.raises(ValueError, match="no URL of a web server"):
        ReloadSettings(webhook="ftp://host/")
    with pytest.raises(ValueError, match="longer than nothing"):
        ReloadSettings(timeout=timedelta(0))
    with pytest.raises(ValueError, match="give a webhook"):
        ReloadSettings(secret="env:X")
    with pytest.raises(ValueError, match="a secret is named"):
        ReloadSettings(webhook="http://h/", secret="hunter2")
    with pytest.raises(ValueError, match="give a url"):
        CheckSettings(expect="{version}")
    with pytest.raises(ValueError, match="within at least as long"):
        CheckSettings(within=timedelta(0))
    with pytest.raises(ValueError, match="must not hold a user name"):
        VllmSettings(url="http://me:pw@host/")


def test_the_longest_reload_counts_every_call() -> None:
    bare = ReloadSettings(timeout=timedelta(seconds=10), check=CheckSettings(within=timedelta(seconds=100)))
    assert bare.longest == timedelta(seconds=120)

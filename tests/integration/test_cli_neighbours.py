"""``doctor`` and ``check`` know the daemon of their configuration from whatever else answers on its address."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import trustme
from deployment import Daemon, Deployment, until
from loopback import LoopbackServer
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.demo.workspace import free_port

CONFIG = """\
policies = []
[daemon]
listen = "127.0.0.1:{port}"
poll = "{poll}"
[streams.docs.encoder]
kind = "champion"
[[streams.docs.sources]]
type = "http"
"""
RELOADS = "driftwatch_policy_load"


class Songs(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"songs")

    def log_message(self, *_: object) -> None:
        pass


def beside(folder: Path, port: int, poll: str = "100ms") -> Deployment:
    folder.mkdir()
    made = Deployment(folder=folder, port=port)
    made.config.write_text(CONFIG.format(port=port, poll=poll))
    return made


def answers(deployment: Deployment) -> bool | None:
    try:
        return httpx.get(f"{deployment.url}/-/healthy", timeout=2).is_success or None
    except httpx.TransportError:
        return None


def findings(deployment: Deployment, subject: str) -> list[tuple[str, str]]:
    result = CliRunner().invoke(app, ["doctor", "--json", "--config", str(deployment.config)])
    return [(each["level"], each["detail"]) for each in json.loads(result.stdout) if each["subject"] == subject]


def found(command: str, deployment: Deployment, subject: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, [command, "--json", "--config", str(deployment.config)])
    (one,) = [each for each in json.loads(result.stdout) if each["subject"] == subject]
    assert one["level"] != "error" or result.exit_code, result.stdout
    return one["level"], one["detail"]


def reloads(deployment: Deployment) -> list[str]:
    """Return how often a daemon was told to reload over HTTP, as its metrics say."""
    page = httpx.get(f"{deployment.url}/metrics", timeout=10).text
    return [line for line in page.splitlines() if line.startswith(RELOADS)]


def daemon_of(deployment: Deployment) -> tuple[str, str]:
    return found("doctor", deployment, "daemon")


def test_the_daemon_of_another_state_folder_is_told_from_ones_own(tmp_path: Path) -> None:
    ours = beside(tmp_path / "ours", free_port())
    theirs = beside(tmp_path / "theirs", ours.port)
    level, said = daemon_of(ours)
    assert (level, said.startswith(f"no answer on 127.0.0.1:{ours.port} (")) == ("warning", True)
    assert findings(ours, "address") == [("ok", f"127.0.0.1:{ours.port} is free")]
    with Daemon(ours) as daemon:
        until(lambda: answers(ours), "the daemon to answer")
        level, said = daemon_of(ours)
        assert level == "ok"
        assert said.startswith(f"answers on 127.0.0.1:{ours.port}: version ")
        assert found("check", ours, "daemon") == (level, said)
        assert findings(ours, "address") == [], "one row says who answers"
        level, said = daemon_of(theirs)
        assert level == "error"
        assert f"another daemon answers on 127.0.0.1:{ours.port}: none runs with {theirs.state}" in said
        for command in ("check", "doctor"):
            assert found(command, theirs, "daemon") == (level, said)
            level_of_address, place = found(command, theirs, "address")
            assert level_of_address == "error"
            assert "cannot listen: Address already in use (stop what uses it" in place
            assert "another daemon" not in place

        before = reloads(ours)
        told = CliRunner().invoke(app, ["reload", "--config", str(theirs.config)])
        assert told.exit_code == 1
        assert f"error: another daemon answers on 127.0.0.1:{ours.port}: none runs with {theirs.state}" in told.stderr
        assert "name its configuration with --config" in told.stderr
        assert before
        assert reloads(ours) == before
        assert CliRunner().invoke(app, ["reload", "--config", str(ours.config)]).exit_code == 0
        assert reloads(ours) != before

        (ours.folder / "same.toml").write_text(ours.config.read_text())
        twin = CliRunner().invoke(app, ["doctor", "--json", "--config", str(ours.folder / "same.toml")])
        assert f"it was started with {ours.config}, not with {ours.folder}/same.toml" in twin.stdout

        ours.config.write_text(CONFIG.format(port=ours.port, poll="200ms"))
        level, said = daemon_of(ours)
        assert level == "warning"
        assert "was changed after that: restart it" in said
        assert daemon.stop() == 0


def test_the_doctor_names_sources_that_the_daemon_cannot_read(tmp_path: Path) -> None:
    ours = beside(tmp_path / "ours", free_port())
    words = ours.config.read_text()
    ours.config.write_text(
        f'{words}[[streams.docs.sources]]\ntype = "redis"\nurl = "redis://127.0.0.1:1/0"\nkey = "said"\n'
    )
    with Daemon(ours) as daemon:
        until(lambda: answers(ours), "the daemon to answer")
        level, said = until(lambda: next(iter(findings(ours, "source")), None), "a source to fail")
        assert level == "error"
        assert said.startswith("source redis of stream docs: key said of source redis: Redis cannot be read")
        assert "check that it runs, and its address" in said
        assert httpx.get(f"{ours.url}/-/instance").json().keys() == {"instance"}, "only its own socket says so"
        assert daemon.stop() == 0


def test_a_daemon_behind_tls_is_known(tmp_path: Path) -> None:
    """Its certificate is for another name: who it is, its name says, that it drew by itself."""
    ours = beside(tmp_path / "ours", free_port())
    issued = trustme.CA().issue_cert("somewhere.example")
    (ours.folder / "server.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    (ours.folder / "server.key").write_bytes(issued.private_key_pem.bytes())
    (ours.folder / "web.yml").write_text("tls_server_config: {cert_file: server.pem, key_file: server.key}\n")
    ours.config.write_text(ours.config.read_text().replace("[daemon]\n", '[daemon]\nweb_config = "web.yml"\n'))
    with Daemon(ours) as daemon:
        until(lambda: True if daemon_of(ours)[0] == "ok" else None, "the daemon to answer")
        (ours.folder / "web.yml").write_text("tls_server_config: [\n")
        assert daemon_of(ours)[0] == "ok", "a file that has been spoilt since changes nothing of who answers"
        assert daemon.stop() == 0


def test_a_daemon_that_listens_elsewhere_than_its_file_says_by_now(tmp_path: Path) -> None:
    ours, theirs = beside(tmp_path / "ours", free_port()), beside(tmp_path / "theirs", free_port())
    with Daemon(ours), Daemon(theirs):
        for each in (ours, theirs):
            until(lambda each=each: answers(each), "the daemon to answer")  # type: ignore[misc]
        ours.config.write_text(CONFIG.format(port=theirs.port, poll="100ms"))
        level, said = daemon_of(ours)
        assert level == "error"
        assert said.startswith(
            f"the daemon of {ours.state} listens on 127.0.0.1:{ours.port}, and not on 127.0.0.1:{theirs.port}, "
            "where a daemon answers"
        )
        ours.config.write_text(CONFIG.format(port=(nobody := free_port()), poll="100ms"))
        level, said = daemon_of(ours)
        assert level == "warning"
        assert f"and not on 127.0.0.1:{nobody}: it was started with {ours.config}" in said


def test_what_is_no_daemon_is_told(tmp_path: Path) -> None:
    with LoopbackServer(Songs) as server:
        ours = beside(tmp_path / "ours", int(server.url.rpartition(":")[2]))
        (ours.state).mkdir()
        level, said = daemon_of(ours)
        assert level == "error"
        assert f"something else answers on 127.0.0.1:{ours.port}: it is no driftwatch" in said
        assert found("check", ours, "address")[0] == "error"
        told = CliRunner().invoke(app, ["reload", "--config", str(ours.config)])
        assert (told.exit_code, "it is no driftwatch" in told.stderr) == (1, True)


def test_a_daemon_tells_strangers_nothing_but_a_name(tmp_path: Path) -> None:
    ours = beside(tmp_path / "ours", free_port())
    with Daemon(ours) as daemon:
        until(lambda: answers(ours), "the daemon to answer")
        said = httpx.get(f"{ours.url}/-/instance", timeout=10).json()
        assert list(said) == ["instance"]
        assert daemon.stop() == 0

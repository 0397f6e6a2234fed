"""A real daemon with secrets: what it writes, says and shows holds none of them; and no path leads out of it."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import bcrypt
import deployment
import httpx
import pytest
import trustme
from deployment import Daemon, Deployment, children, command, until
from http_receiver import HttpReceiver
from postgres import Stores

from driftwatch.config import load_config
from driftwatch.demo.workspace import free_port
from driftwatch.domain.alert import Alert
from driftwatch.wiring import control_socket

pytestmark = pytest.mark.slow
WORDS = "words-HIDDEN-from-a-customer"
TEXT = b'{"text": "words-HIDDEN-from-a-customer", "group": "words-HIDDEN-from-a-customer"}'
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECRETS = {
    "password": "pass-HIDDEN-11111111111111",
    "wrong": "wrong-HIDDEN-2222222222222",
    "token": "token-HIDDEN-3333333333333",
    "hook": "hook-HIDDEN-44444444444444",
    "reload": "reload-HIDDEN-555555555555",
    "hub": "hub-HIDDEN-777777777777777",
    "plain": "plain-HIDDEN-8888888888888",
}
CONFIG = """\
state_dir = "state"
policies = []

[daemon]
listen = "127.0.0.1:{port}"
poll = "100ms"
web_config = "web.yml"

[daemon.tokens.collector]
secret = "file:{folder}/secrets/token"
streams = ["docs"]

[alerts.webhook]
url = "{receiver}/hook"
secret = "env:HOOK_SECRET"

[streams.docs]
[[streams.docs.sources]]
type = "http"

[streams.docs.encoder]
kind = "champion"

[streams.docs.reload]
webhook = "{receiver}/reload"
secret = "env:RELOAD_SECRET"

[streams.docs.export.hub]
repository = "me/model"
token = "file:{folder}/secrets/hub"
endpoint = "{receiver}"
"""


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A deployment behind TLS, users and a token."""

    deployment: Deployment
    context: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.deployment.port}"

    @property
    def socket(self) -> Path:
        return control_socket(load_config(self.deployment.config, environ=deployment.ENVIRONMENT))

    def client(self) -> httpx.Client:
        return httpx.Client(verify=self.context, timeout=10, trust_env=False)

    def raw(self, request: bytes) -> bytes:
        address = ("127.0.0.1", self.deployment.port)
        with (
            socket.create_connection(address, timeout=10) as plain,
            self.context.wrap_socket(plain, server_hostname="127.0.0.1") as over,
        ):
            over.sendall(request)
            return over.recv(65536)


@pytest.fixture
def receiver() -> HttpReceiver:
    return HttpReceiver([500, 200], say=b"sorry")


@pytest.fixture
def guarded(tmp_path: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch, stores: Stores) -> Guarded:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    (tmp_path / "server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (tmp_path / "server.key").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "web.yml").write_text(web_file())
    (tmp_path / "secrets").mkdir()
    for name in ("token", "hub"):
        (tmp_path / "secrets" / name).write_text(SECRETS[name] + "\n")
    (tmp_path / "state").mkdir()
    monkeypatch.setitem(deployment.ENVIRONMENT, "HOOK_SECRET", SECRETS["hook"])
    monkeypatch.setitem(deployment.ENVIRONMENT, "RELOAD_SECRET", SECRETS["reload"])
    port = free_port()
    written = CONFIG.format(folder=tmp_path, port=port, receiver=receiver.url)
    database = stores.url()
    (tmp_path / "driftwatch.toml").write_text(f'store = "{database}"\n{written}' if database else written)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Guarded(deployment=Deployment(folder=tmp_path, port=port, database=database), context=context)


def web_file(extra: str = "") -> str:
    hashed = bcrypt.hashpw(SECRETS["password"].encode(), bcrypt.gensalt(4)).decode()
    tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
    return f"{tls}basic_auth_users:\n  alice: {hashed}\n{extra}"


def start(guarded: Guarded) -> None:
    until(lambda: healthy(guarded), "the daemon", seconds=60)


def healthy(guarded: Guarded) -> bool | None:
    try:
        with guarded.client() as asking:
            return True if asking.get(f"{guarded.url}/-/healthy").is_success else None
    except httpx.TransportError:
        return None


def told(guarded: Guarded, *arguments: str) -> str:
    done = subprocess.run(
        command(*arguments, "--config", str(guarded.deployment.config)),
        env=deployment.ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def test_secrets_are_in_nothing_that_the_daemon_writes_says_or_shows(guarded: Guarded, receiver: HttpReceiver) -> None:
    said: list[str] = []
    folder = guarded.deployment.folder
    alice = ("alice", SECRETS["password"])
    with receiver, Daemon(guarded.deployment) as daemon, guarded.client() as asking:
        start(guarded)
        for auth in (alice, ("alice", SECRETS["wrong"]), (SECRETS["wrong"], "x")):
            for path in ("/", "/metrics", f"/metrics?token={SECRETS['token']}", "/-/ready", "/runs/none", "/-/nothing"):
                answer = asking.get(guarded.url + path, auth=auth)
                said += [answer.text, str(answer.headers)]
        for token in (SECRETS["token"], SECRETS["wrong"]):
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
            answer = asking.post(f"{guarded.url}/v1/streams/docs/texts", content=TEXT, headers=headers)
            said.append(answer.text)
        assert answer.status_code == 401
        store = guarded.deployment.store()
        assert store.texts.backlog("docs", after_seq=0) == 1
        store.outbox.put([alert()], ["webhook"])
        store.close()
        until(lambda: True if len(receiver.posts) >= 2 else None, "the second try of the webhook", seconds=60)
        (folder / "web.yml").write_text(web_file(f"  bob: {SECRETS['plain']}\n"))
        refused = asking.post(f"{guarded.url}/-/reload", auth=alice)
        assert (refused.status_code, "web.yml:6:8" in refused.text) == (422, True)
        said += [refused.text, told(guarded, "reload"), told(guarded, "check"), told(guarded, "doctor", "--json")]
        (folder / "web.yml").write_text(web_file())
        assert told(guarded, "reload").startswith("0\n")
        said += [told(guarded, "audit"), told(guarded, "status"), told(guarded, "--debug", "check")]
        for pid in (daemon.pid, *children(daemon.pid)):
            said.append(Path(f"/proc/{pid}/cmdline").read_bytes().decode())
        assert daemon.stop() == 0
    assert "access_kept" in (folder / "daemon.log").read_text()
    written = {file: file.read_bytes() for file in (folder / "state").rglob("*") if file.is_file()}
    written[folder / "daemon.log"] = (folder / "daemon.log").read_bytes()
    for name, secret in SECRETS.items():
        assert secret not in "\n".join(said), name
        assert [file for file, content in written.items() if secret.encode() in content] == [], name
    log = (folder / "daemon.log").read_text()
    assert WORDS not in log + "\n".join(said)  # texts are kept in the store, and told nowhere
    sent = b"".join(post.body + str(post.headers).encode() for post in receiver.posts)
    assert b"HIDDEN" not in sent


def alert() -> Alert:
    return Alert(
        key="k",
        name="DriftDetected",
        stream="docs",
        severity="ticket",
        summary="docs: drift",
        description="drift",
        starts_at=NOON,
        ends_at=NOON,
    )


PATHS = [
    b"/../../../../etc/passwd",
    b"/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    b"/%252e%252e/%252e%252e/etc/passwd",
    b"//etc/passwd",
    b"/runs/../../../../etc/passwd",
    b"/runs/..%2f..%2f..%2fetc%2fpasswd",
    b"/runs/..%5c..%5cetc%5cpasswd",
    b"/runs/%00/etc/passwd",
    b"/runs/%c0%ae%c0%ae%c0%afetc%c0%afpasswd",
    b"/streams/../../windows/1",
    b"/streams/..%2f..%2fsecrets%2ftoken/windows/1/report",
    b"/streams/docs/windows/..%2f..%2f..%2fsecrets%2ftoken/report",
    b"/streams/docs/windows/1/report/../../../../secrets/token",
    b"http://127.0.0.1/../../etc/passwd",
    b"/static/../driftwatch.toml",
    b"/control.sock",
    b"/driftwatch.db",
    b"/secrets/token",
]


def test_no_path_leads_to_a_file(guarded: Guarded, receiver: HttpReceiver) -> None:
    import base64

    login = base64.b64encode(f"alice:{SECRETS['password']}".encode())
    with receiver, Daemon(guarded.deployment) as daemon:
        start(guarded)
        for path in PATHS:
            head = b"GET " + path + b" HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic " + login + b"\r\n\r\n"
            answer = guarded.raw(head)
            assert answer.split(b" ")[1] in (b"404", b"400"), (path, answer)
            assert b"root:" not in answer
            assert b"HIDDEN" not in answer
        assert healthy(guarded)
        assert daemon.stop() == 0
    assert not guarded.socket.exists()


def test_the_daemon_is_for_its_user_alone(guarded: Guarded, receiver: HttpReceiver) -> None:
    with receiver, Daemon(guarded.deployment) as daemon:
        start(guarded)
        assert guarded.socket.stat().st_mode & 0o077 == 0
        environment = Path(f"/proc/{daemon.pid}/environ").stat()
        assert environment.st_mode & 0o077 == 0
        assert environment.st_uid == os.getuid()
        assert daemon.stop() == 0

"""Certificates, users and tokens on a real port, exchanged while the server runs."""

from __future__ import annotations

import os
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import bcrypt
import httpx
import pytest
import trustme
from web_client import Daemon, Shelf, app_of

from driftwatch.config import load_config
from driftwatch.domain.errors import ConfigError
from driftwatch.web import serve, serve_locally
from driftwatch.web.access.followed import LOOK_SECONDS
from driftwatch.web.server import short
from driftwatch.wiring import Entrance, entrance

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60.0
TOKEN = "0123456789abcdef0123456789abcdef"
PLAIN = """\
[daemon]
web_config = "web.yml"

[daemon.tokens.collector]
secret = "file:{folder}/token"
streams = ["support"]

[streams.support]
[[streams.support.sources]]
type = "http"
"""
TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n"


class Seconds:
    """A clock of the test's own."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    (tmp_path / "driftwatch.toml").write_text(PLAIN.format(folder=tmp_path))
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "web.yml").write_text(TLS)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certify(tmp_path, authority)
    return tmp_path


def certify(folder: Path, authority: trustme.CA, name: str = "127.0.0.1") -> None:
    issued = authority.issue_cert(name)
    (folder / "server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (folder / "server.key").write_bytes(issued.private_key_pem.bytes())


def users(**passwords: str) -> str:
    lines = [
        f"  {name}: {bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode()}" for name, word in passwords.items()
    ]
    return "basic_auth_users:\n" + "\n".join(lines) + "\n"


def entering(folder: Path, seconds: Seconds | None = None) -> Entrance:
    config = load_config(folder / "driftwatch.toml", environ={})
    return entrance(config, now=seconds or Seconds())


@contextmanager
def served(way: Entrance, daemon: Daemon | None = None) -> Iterator[str]:
    server = serve(app_of(Shelf(), daemon, guard=way.guard), "127.0.0.1", 0, tls=way.tls)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.port}"
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
        assert not thread.is_alive()


def client(folder: Path, certificate: tuple[str, str] | None = None, *, lowest: int | None = None) -> httpx.Client:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if certificate is not None:
        context.load_cert_chain(*certificate)
    if lowest is not None:
        context.minimum_version = context.maximum_version = ssl.TLSVersion(lowest)
    return httpx.Client(verify=context, timeout=DEADLINE, trust_env=False)


def test_answers_are_encrypted_and_say_so(folder: Path) -> None:
    with served(entering(folder)) as url, client(folder) as asking:
        answer = asking.get(f"{url}/metrics")
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/metrics", timeout=DEADLINE)
        assert asking.get(f"{url}/-/healthy").status_code == 200  # and the server lives on


def test_a_version_below_the_lowest_is_refused(folder: Path) -> None:
    (folder / "web.yml").write_text(TLS + "  min_version: TLS13\n")
    with served(entering(folder)) as url:
        with client(folder, lowest=ssl.TLSVersion.TLSv1_2) as old, pytest.raises(httpx.TransportError):
            old.get(f"{url}/metrics")
        with client(folder, lowest=ssl.TLSVersion.TLSv1_3) as new:
            assert new.get(f"{url}/metrics").status_code == 200


def test_certificate_users_and_token_change_without_a_restart(folder: Path, authority: trustme.CA) -> None:
    seconds = Seconds()
    (folder / "web.yml").write_text(TLS + users(alice="first"))
    with served(entering(folder, seconds)) as url:
        with client(folder) as asking:
            assert asking.get(f"{url}/", auth=("alice", "first")).status_code == 200
            before = serial(url, folder)
        certify(folder, authority)
        (folder / "web.yml").write_text(TLS + users(alice="second", bob="third"))
        (folder / "token").write_text("f" * 32)
        seconds.at += LOOK_SECONDS
        with client(folder) as asking:
            assert asking.get(f"{url}/", auth=("alice", "first")).status_code == 401
            assert asking.get(f"{url}/", auth=("alice", "second")).status_code == 200
            assert asking.get(f"{url}/", auth=("bob", "third")).status_code == 200
            texts = {"content": b"{}", "headers": {"content-type": "application/json"}}
            for token, status in ((TOKEN, 401), ("f" * 32, 202)):
                texts["headers"] = {"content-type": "application/json", "authorization": f"Bearer {token}"}
                assert asking.post(f"{url}/v1/streams/support/texts", **texts).status_code == status  # type: ignore[arg-type]
            assert serial(url, folder) != before


def serial(url: str, folder: Path) -> bytes | None:
    import socket

    context = ssl.create_default_context(cafile=folder / "ca.pem")
    host, _, port = url.removeprefix("https://").partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname=host) as over,
    ):
        return over.getpeercert(binary_form=True)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("web.yml", "basic_auth_users: {alice: hunter2}\n", "web.yml:1:27: a password is given as its bcrypt hash"),
        ("web.yml", "", "TLS cannot be switched on or off"),
        ("server.pem", "nonsense", "certificate and key cannot be used"),
        ("token", "short", "token collector is not at least 20"),
    ],
)
def test_what_cannot_be_used_changes_nothing_and_is_told(folder: Path, file: str, content: str, said: str) -> None:
    seconds = Seconds()
    (folder / "web.yml").write_text(TLS + users(alice="first"))
    way = entering(folder, seconds)
    with served(way) as url, client(folder) as asking:
        good = (folder / file).read_bytes()
        (folder / file).write_text(content)
        seconds.at += LOOK_SECONDS
        assert asking.get(f"{url}/", auth=("alice", "first")).status_code == 200
        told = way.again()
        assert told is not None
        assert said in told
        assert "hunter2" not in told
        (folder / file).write_bytes(good)
        assert way.again() is None


def test_a_certificate_that_is_renewed_file_by_file_is_taken_once_both_are_there(
    folder: Path, authority: trustme.CA
) -> None:
    seconds = Seconds()
    with served(entering(folder, seconds)) as url, client(folder) as asking:
        before, key = serial(url, folder), (folder / "server.key").read_bytes()
        certify(folder, authority)
        renewed = (folder / "server.key").read_bytes()
        (folder / "server.key").write_bytes(key)
        seconds.at += LOOK_SECONDS
        assert serial(url, folder) == before
        (folder / "server.key").write_bytes(renewed)
        seconds.at += LOOK_SECONDS
        assert serial(url, folder) != before
        assert asking.get(f"{url}/-/healthy").status_code == 200


def test_clients_must_show_a_certificate_that_is_signed_and_named(folder: Path, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(str(folder / "clients.pem"))
    (folder / "web.yml").write_text(TLS + CLIENTS + "  client_allowed_sans: [scraper.example]\n")
    strange = trustme.CA()
    shown = {
        name: certificate(folder, name, signer)
        for name, signer in (("scraper.example", authority), ("other.example", authority), ("strange.example", strange))
    }
    with served(entering(folder)) as url:
        with client(folder, shown["scraper.example"]) as known:
            assert known.get(f"{url}/metrics").status_code == 200
        for name in (None, "other.example", "strange.example"):
            with client(folder, shown[name] if name else None) as unknown, pytest.raises(httpx.TransportError):
                unknown.get(f"{url}/metrics")


def certificate(folder: Path, name: str, signer: trustme.CA) -> tuple[str, str]:
    issued = signer.issue_cert(name)
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    issued.cert_chain_pems[0].write_to_path(str(public))
    issued.private_key_pem.write_to_path(str(private))
    return str(public), str(private)


def test_the_daemon_does_not_start_with_a_file_that_cannot_be_used(folder: Path) -> None:
    (folder / "web.yml").write_text("basic_auth_user: {}\n")
    with pytest.raises(ConfigError, match=r"web\.yml:1:1: this key is unknown \(did you mean basic_auth_users\?\)"):
        entering(folder)
    (folder / "web.yml").write_text(TLS)
    (folder / "token").unlink()
    with pytest.raises(ConfigError, match="the secret cannot be read"):
        entering(folder)


def test_its_own_socket_asks_nothing_and_belongs_to_one_user(folder: Path) -> None:
    (folder / "web.yml").write_text(TLS + users(alice="first"))
    deep = folder / ("deep" * 30)  # longer than a socket's address may be
    deep.mkdir()
    daemon = Daemon()
    server = serve_locally(app_of(Shelf(), daemon, guard=entering(folder).guard), deep / "control.sock")
    thread = threading.Thread(target=server.run)
    thread.start()
    opened = os.open(deep, os.O_RDONLY)
    try:
        assert (deep / "control.sock").stat().st_mode & 0o777 == 0o600
        transport = httpx.HTTPTransport(uds=short(opened, deep / "control.sock"))
        with httpx.Client(transport=transport, timeout=DEADLINE) as asking:
            answer = asking.post("http://driftwatch/-/reload", headers={"x-driftwatch-user": "root"})
        assert answer.status_code == 200
        assert daemon.reloaded_by == ["root"]
    finally:
        os.close(opened)
        server.should_exit = True
        thread.join(DEADLINE)


def test_the_header_of_the_own_socket_says_nothing_over_the_network(folder: Path) -> None:
    (folder / "web.yml").write_text(TLS + users(alice="first"))
    daemon = Daemon()
    with served(entering(folder), daemon) as url, client(folder) as asking:
        headers = {"x-driftwatch-user": "root", "driftwatch.local": "1"}
        assert asking.post(f"{url}/-/reload", headers=headers).status_code == 401
    assert daemon.reloaded_by == []

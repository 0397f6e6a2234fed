"""The web configuration file: what is read, and every mistake with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from driftwatch.domain.errors import ConfigError
from driftwatch.web.access.tls_settings import ClientAuth
from driftwatch.web.access.webfile import read_web_file

if TYPE_CHECKING:
    from pathlib import Path

HASH = "$2b$04$o43vxnU6/YVuFwjiXixdv.6563GdWcVBhmZX.uJeSDsY23UJeaEhm"
# As in exporter-toolkit's documentation, with every key that is offered here.
WHOLE = f"""\
tls_server_config:
  cert_file: server.crt
  key_file: /etc/tls/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [scraper.example]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519]
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=60
    X-Frame-Options: deny
basic_auth_users:
  alice: {HASH}
  bob: "{HASH.replace("$2b$", "$2y$")}"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "web.yml"
    file.write_text(text)
    return file


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    found = read_web_file(written(tmp_path, WHOLE))
    assert found.tls is not None
    assert (found.tls.cert, str(found.tls.key)) == (tmp_path / "server.crt", "/etc/tls/server.key")
    assert found.tls.client_auth is ClientAuth.REQUIRED
    assert found.tls.client_sans == ("scraper.example",)
    assert (found.tls.lowest, found.tls.curve, found.tls.server_order) == ("TLS13", "X25519", False)
    assert found.tls.ciphers == ("ECDHE-RSA-AES128-GCM-SHA256",)
    assert found.users == {"alice": HASH.encode(), "bob": HASH.replace("$2b$", "$2y$").encode()}
    assert found.headers == {"strict-transport-security": "max-age=60", "x-frame-options": "deny"}
    assert found.files == (tmp_path / "web.yml", *found.tls.files)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "basic_auth_users:\n", "tls_server_config:\n", "{}"])
def test_an_empty_file_or_section_asks_for_nothing(tmp_path: Path, text: str) -> None:
    found = read_web_file(written(tmp_path, text))
    assert (found.tls, dict(found.users), dict(found.headers)) == (None, {}, {})


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("basic_auth_user:\n  a: b\n", "1:1", "did you mean basic_auth_users"),
        ("basic_auth_users:\n  alice: secret\n", "2:10", "bcrypt hash"),
        (f"basic_auth_users:\n  a: {HASH.replace('$04', '$15')}\n", "2:6", "between 4 and 14"),
        (f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}\n", "3:3", "given twice"),
        (f"basic_auth_users:\n  'a:b': {HASH}\n", "2:10", "no colon"),
        ("basic_auth_users: [alice]\n", "1:19", "no mapping"),
        ("tls_server_config:\n  cert_file: a\n", "2:3", "key_file is missing"),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS10\n", "4:16", "TLS12 or TLS13"),
        (
            "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAnyClientCert\n",
            "4:21",
            "prov",
        ),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: Maybe\n", "4:21", "NoClientCert or"),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_ca_file: c\n", "4:19", "no certificate"),
        ("tls_server_config:\n  cert: '-----BEGIN'\n", "2:9", "name that in cert_file"),
        (
            "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAndVerifyClientCert\n",
            "2:3",
            "client_ca_file is missing",
        ),
        (
            "tls_server_config:\n  cert_file: a\n  key_file: b\n  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n",
            "4:19",
            "not offered",
        ),
        (
            "tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS13\n  max_version: TLS12\n",
            "4:16",
            "above",
        ),
        ("http_server_config:\n  headers:\n    X-Frame-Options: maybe\n", "3:22", "deny or sameorigin"),
        ("http_server_config:\n  headers:\n    Server: x\n", "3:5", "unknown"),
        ('http_server_config:\n  headers:\n    X-XSS-Protection: "a\\nb"\n', "3:23", "one line"),
        ("a: &x [1]\nb: *x\n", "2:4", "aliases"),
        ("a: [1\n", "2:1", "no YAML"),
        ("- a\n", "1:1", "no mapping"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, place: str, what: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as found:
        read_web_file(file)
    assert found.value.where == f"{file}:{place}"
    assert what in str(found.value)


def test_a_mistake_never_repeats_what_may_be_a_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        read_web_file(written(tmp_path, "basic_auth_users:\n  alice: hunter2\n"))
    assert "hunter2" not in str(found.value)


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_web_file(tmp_path / "none.yml")
    with pytest.raises(ConfigError, match="larger than 256 KiB"):
        read_web_file(written(tmp_path, "#" * 2**19))

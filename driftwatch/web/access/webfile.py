"""The web configuration file, in the form that Prometheus and its exporters read (exporter-toolkit).

Source: github.com/prometheus/exporter-toolkit, docs/web-configuration.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftwatch.web.access.tls_settings import TlsSettings, read_tls
from driftwatch.web.access.yamlspot import Spot, read_spot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HIGHEST_COST = 14
"""Of a bcrypt hash: at 14 one check takes about a second of a processor."""

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_LOWEST_COST = 4
_SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users")
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """What the file says.

    Args:
        tls: certificates; None for plain HTTP.
        users: bcrypt hash of each user's password.
        headers: more headers of every answer, by lower-case name.
        files: everything that was read for it, the file itself first.
    """

    tls: TlsSettings | None = None
    users: Mapping[str, bytes] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


def read_web_file(file: Path) -> WebFile:
    """Read and check the file; relative paths are those from its own folder.

    Raises:
        ConfigError: it cannot be used, with line and column.
    """
    root = read_spot(file)
    if root is None:
        return WebFile(files=(file,))
    sections = root.table(_SECTIONS)
    tls = read_tls(sections["tls_server_config"]) if "tls_server_config" in sections else None
    return WebFile(
        tls=tls,
        users=_users(sections.get("basic_auth_users")),
        headers=_headers(sections.get("http_server_config")),
        files=(file, *(tls.files if tls is not None else ())),
    )


def _users(spot: Spot | None) -> dict[str, bytes]:
    return {name: _hash(name, each) for name, each in spot.table().items()} if spot is not None else {}


def _hash(name: str, spot: Spot) -> bytes:
    if not name or ":" in name:
        raise spot.wrong("a user's name is not empty and has no colon")
    value = spot.text()
    found = _BCRYPT.fullmatch(value)
    if found is None:
        cure = "htpasswd -nBC 10 '' | tr -d ':\\n' makes one"
        raise spot.wrong("a password is given as its bcrypt hash", cure)
    if not _LOWEST_COST <= int(found[1]) <= HIGHEST_COST:
        raise spot.wrong(f"a hash's cost must lie between {_LOWEST_COST} and {HIGHEST_COST}", "10 is usual")
    return value.encode()


def _headers(spot: Spot | None) -> dict[str, str]:
    """Return the headers; ``http2`` is read and changes nothing, for HTTP/1.1 is spoken either way."""
    section = spot.table(("http2", "headers")) if spot is not None else {}
    if "http2" in section:
        section["http2"].flag()
    if "headers" not in section:
        return {}
    found = {}
    for name, each in section["headers"].table(_HEADERS).items():
        value = each.text()
        if not (value.isascii() and value.isprintable()):
            raise each.wrong("a header's value is printable ASCII on one line")
        if _HEADERS[name] and value.lower() not in _HEADERS[name]:
            raise each.wrong(f"{name} is {' or '.join(_HEADERS[name])}")
        found[name.lower()] = value
    return found

"""``tls_server_config`` of the web configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.web.access.yamlspot import Spot

CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
"""Go's names of key exchange curves, and OpenSSL's."""

CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""Go's names of TLS 1.2's authenticated suites, and OpenSSL's; those of TLS 1.3 cannot be chosen."""

_KEYS = (
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)
_INLINE = {"cert": "cert_file", "key": "key_file", "client_ca": "client_ca_file"}
_VERSIONS = ("TLS12", "TLS13")


class ClientAuth(StrEnum):
    """Whether clients show certificates, in Go's words."""

    NONE = "NoClientCert"
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRED = "RequireAndVerifyClientCert"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Certificates, and what is asked of clients.

    Args:
        cert: PEM file of the certificate, and of those above it.
        key: PEM file of its key.
        client_auth: whether clients show certificates.
        client_ca: PEM file of who signs these.
        client_sans: names of which a client's certificate must hold one; any where empty.
        lowest: TLS version.
        highest: TLS version.
        ciphers: OpenSSL's names for TLS 1.2; its own choice where empty.
        server_order: whether our order of ciphers counts.
        curve: OpenSSL's name; its own choice where None.
    """

    cert: Path
    key: Path
    client_auth: ClientAuth = ClientAuth.NONE
    client_ca: Path | None = None
    client_sans: tuple[str, ...] = ()
    lowest: str = "TLS12"
    highest: str = "TLS13"
    ciphers: tuple[str, ...] = ()
    server_order: bool = True
    curve: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read for it."""
        return (self.cert, self.key, *((self.client_ca,) if self.client_ca is not None else ()))


def read_tls(spot: Spot) -> TlsSettings | None:
    """Return what the section says; None when it is empty.

    Raises:
        ConfigError: it cannot be used, with line and column.
    """
    given = spot.table((*_KEYS, *_INLINE))
    if not given:
        return None
    for name, instead in _INLINE.items():
        if name in given:
            raise given[name].wrong("what stands here is not read", f"write it to a file and name that in {instead}")
    for needed in ("cert_file", "key_file"):
        if needed not in given:
            raise spot.wrong(f"{needed} is missing")
    lowest, highest = _version(given, "min_version", "TLS12"), _version(given, "max_version", "TLS13")
    if lowest > highest:
        raise given["min_version"].wrong("min_version is above max_version")
    auth, ca = _client_auth(spot, given), _file(given, "client_ca_file")
    return TlsSettings(
        cert=spot.file.parent / given["cert_file"].text(),
        key=spot.file.parent / given["key_file"].text(),
        client_auth=auth,
        client_ca=ca,
        client_sans=tuple(each.text() for each in _entries(given, "client_allowed_sans")),
        lowest=lowest,
        highest=highest,
        ciphers=tuple(_named(each, CIPHERS, "cipher suite") for each in _entries(given, "cipher_suites")),
        server_order="prefer_server_cipher_suites" not in given or given["prefer_server_cipher_suites"].flag(),
        curve=_curve(given),
    )


def _file(given: dict[str, Spot], name: str) -> Path | None:
    return given[name].file.parent / given[name].text() if name in given else None


def _entries(given: dict[str, Spot], name: str) -> list[Spot]:
    return given[name].texts() if name in given else []


def _version(given: dict[str, Spot], name: str, default: str) -> str:
    if name not in given:
        return default
    version = given[name].text()
    if version not in _VERSIONS:
        raise given[name].wrong("it is TLS12 or TLS13", "older versions are broken and not offered")
    return version


def _client_auth(spot: Spot, given: dict[str, Spot]) -> ClientAuth:
    if "client_auth_type" not in given:
        if "client_ca_file" in given:
            cure = f"add client_auth_type: {ClientAuth.REQUIRED}"
            raise given["client_ca_file"].wrong("a client CA is given, and clients are asked for no certificate", cure)
        auth = ClientAuth.NONE
    else:
        word = given["client_auth_type"].text()
        if word in ("RequestClientCert", "RequireAnyClientCert"):
            what = "a certificate that nobody verifies proves nothing, so this is not offered"
            raise given["client_auth_type"].wrong(what, f"write {ClientAuth.IF_GIVEN} or {ClientAuth.REQUIRED}")
        if word not in list(ClientAuth):
            raise given["client_auth_type"].wrong(f"it is {' or '.join(ClientAuth)}")
        auth = ClientAuth(word)
    if auth is not ClientAuth.NONE and "client_ca_file" not in given:
        raise spot.wrong("client_ca_file is missing", "name the file of who signs the clients' certificates")
    if auth is ClientAuth.NONE and "client_allowed_sans" in given:
        cure = f"add client_auth_type: {ClientAuth.REQUIRED}"
        raise given["client_allowed_sans"].wrong("names are given, and clients are asked for no certificate", cure)
    return auth


def _named(spot: Spot, known: dict[str, str], what: str) -> str:
    name = spot.text()
    if name not in known:
        raise spot.wrong(f"this {what} is not offered", "known: " + ", ".join(known))
    return known[name]


def _curve(given: dict[str, Spot]) -> str | None:
    entries = _entries(given, "curve_preferences")
    if len(entries) > 1:
        raise entries[1].wrong("one curve can be chosen here", "name one, or leave curve_preferences out")
    return _named(entries[0], CURVES, "curve") if entries else None

"""TLS as the web configuration says, and exchanged while connections go on."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConfigError
from driftwatch.web.access.tls_settings import ClientAuth

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.web.access.tls_settings import TlsSettings

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_ASKED = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientAuth.REQUIRED: ssl.CERT_REQUIRED,
}


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context that serves these certificates.

    Raises:
        ConfigError: a file cannot be read or does not hold what it should.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[settings.lowest], _VERSIONS[settings.highest]
    context.set_alpn_protocols(["http/1.1"])
    _load(context, settings)
    if settings.ciphers:
        context.set_ciphers(":".join(settings.ciphers))
    if not settings.server_order:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.curve is not None:
        context.set_ecdh_curve(settings.curve)
    context.verify_mode = _ASKED[settings.client_auth]
    if settings.client_sans:
        context.sslobject_class = _checking(frozenset(settings.client_sans))
    return context


def _load(context: ssl.SSLContext, settings: TlsSettings) -> None:
    for file in settings.files:
        try:
            file.open("rb").close()
        except OSError as error:
            cure = "check the path and its permissions"
            raise ConfigError(f"it cannot be read: {error.strerror}", where=str(file), cure=cure) from None
    try:
        context.load_cert_chain(settings.cert, settings.key, password=lambda: "")
    except (ssl.SSLError, ValueError, OSError) as error:
        what = f"certificate and key cannot be used: {_reason(error)}"
        cure = "both as PEM, the key without a passphrase and that of the certificate"
        raise ConfigError(what, where=f"{settings.cert}, {settings.key}", cure=cure) from None
    if settings.client_ca is None:
        return
    try:
        context.load_verify_locations(cafile=settings.client_ca)
    except (ssl.SSLError, OSError) as error:
        what = f"the clients' CA cannot be used: {_reason(error)}"
        raise ConfigError(what, where=str(settings.client_ca), cure="give certificates as PEM") from None


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    return (reason or type(error).__name__).replace("_", " ").lower()


def _checking(allowed: frozenset[str]) -> type[ssl.SSLObject]:
    """Return a connection that ends its handshake only for a client whose certificate holds one of the names."""

    class Checking(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert() or {}
            names = {str(entry[1]) for entry in certificate.get("subjectAltName", ())}
            if not names & allowed:
                raise ssl.SSLCertVerificationError("the client's certificate holds no name that is allowed")

    return Checking


class FollowingContext(ssl.SSLContext):
    """A context that serves every new connection with the certificates of the moment.

    asyncio takes one context for a server's whole life; it makes each connection through ``wrap_bio``, and that is
    passed on here.
    """

    _current: Callable[[], ssl.SSLContext]

    @classmethod
    def over(cls, current: Callable[[], ssl.SSLContext]) -> FollowingContext:
        """Return a context that asks for the current one at every connection."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context._current = current
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection."""
        return self._current().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

"""Addresses of web servers in settings."""

from __future__ import annotations

from urllib.parse import urlsplit


def check_url(url: str) -> None:
    """Refuse what is no address of a web server, or holds a password.

    Raises:
        ValueError: with what to write instead.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this is no URL; write http://host:port/path") from None
    if parts.scheme not in ("http", "https") or not host or any(character.isspace() for character in url):
        raise ValueError("this is no URL of a web server; write http://host:port/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not hold a user name or password")


def host_of(url: str) -> str:
    """Return scheme, host and port, without path and query, which may hold a token."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

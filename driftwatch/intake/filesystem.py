"""Filesystems that files are read from, local or far away: with bounded waits and memory, and their errors by kind."""

from __future__ import annotations

import errno
import gzip
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ConfigError
from driftwatch.intake.connection import needed, revealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.intake.folder import FolderSettings
    from driftwatch.intake.listing import Entry

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "az": "azure"}
_S3 = ("s3", "s3a")
_TRUTHS = {"true": True, "false": False}
_S3_WAITS = {"connect_timeout": 5, "read_timeout": 15, "retries": {"max_attempts": 1}}
"""Seconds, and tries besides the first. A server that says nothing is given up within a minute: botocore's and s3fs's
own tries multiply, and would take longer than a loop may go without coming round."""
_S3_TRIES = 2
_BLOCK = 4 * 1024 * 1024
_BLOCKS = 8
"""What is held of a file that lies far away: 32 MiB, in blocks, since the columns of Parquet are read in turns."""


def open_filesystem(settings: FolderSettings, *, environ: Mapping[str, str]) -> tuple[Any, str]:
    """Return the filesystem of fsspec and the folder's path in it.

    Raises:
        ConfigError: there is no such filesystem, or its package or a secret is missing.
    """
    where = f"source {settings.name}"
    fsspec = needed("fsspec", extra="s3", where=where)
    protocol = settings.url.partition("://")[0] if "://" in settings.url else "file"
    said = {name: _TRUTHS.get(value.lower(), value) for name, value in settings.options.items()}
    waits = {"config_kwargs": _S3_WAITS} if protocol in _S3 else {}
    options = {**waits, **said, **revealed(settings.secrets, environ=environ)}
    try:
        system, root = fsspec.core.url_to_fs(settings.url, **options, use_listings_cache=False)
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        cure = f'pip install "driftwatchd[{extra}]"' if extra == "s3" else "install the package it names"
        raise ConfigError(
            f"{protocol} needs a package that is not installed ({error})", where=where, cure=cure
        ) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(f"no such filesystem: {error}", where=where, cure="correct url or options") from None
    if protocol in _S3:
        system.retries = _S3_TRIES
    return system, root


def open_file(system: Any, entry: Entry) -> Any:  # noqa: ANN401 - fsspec's
    """Return a file, as it was when it was listed, as a stream of bytes.

    Raises:
        OSError: it cannot be reached, or it is another one by now.
    """
    if not set(_protocols(system)) & set(_EXTRAS):
        return system.open(entry.path, "rb")
    held = {"maxblocks": _BLOCKS}
    file = system.open(entry.path, "rb", block_size=_BLOCK, cache_type="blockcache", cache_options=held)
    about = getattr(file, "details", None) or {}
    if entry.tag and about.get("ETag", entry.tag) != entry.tag:
        file.close()
        raise OSError(errno.EBUSY, "the file was replaced while it was read", entry.path)
    return file


def failures_of(url: str) -> tuple[type[Exception], ...]:
    """Return what a filesystem raises when it cannot be reached or does not let us in."""
    if url.partition("://")[0] in _S3:
        try:
            from aiohttp import ClientError as BrokenOff
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            return (OSError,)
        return (OSError, BotoCoreError, ClientError, BrokenOff)
    return (OSError,)


def is_connection(error: BaseException) -> bool:
    """Whether it is the way to a file that failed; what a file that does not unpack raises has no error number."""
    if not isinstance(error, OSError) or isinstance(error, gzip.BadGzipFile):
        return False
    return error.errno is not None or type(error) is not OSError


def said(error: BaseException) -> str:
    """Return the first line of what an error says."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).partition("\n")[0]


def is_local(system: Any) -> bool:  # noqa: ANN401 - fsspec's
    """Whether it is this machine's own."""
    return "file" in _protocols(system)


def _protocols(system: Any) -> tuple[str, ...]:  # noqa: ANN401 - fsspec's
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)

"""Fetching a published suite: its bytes are what they must be, or nothing of it is left behind."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError, DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from driftwatch.gate.bias.sources import RemoteFile, Source

SUMS = "SHA256SUMS"
"""The list of digests beside the files, in the form that ``sha256sum --check`` reads."""

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_CHUNK = 1 << 16


class FetchError(DriftwatchError):
    """A suite could not be fetched; nothing was left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What a download may take.

    Args:
        bytes: largest file.
        silence_seconds: longest wait for an answer or for its next bytes.
        seconds: longest time for one file.
    """

    bytes: int = 128 << 20
    silence_seconds: float = 30.0
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """One file of a suite, as it lies now.

    Args:
        path: where.
        sha256: its digest, hexadecimal.
        fresh: whether it was downloaded now; it was there already otherwise.
        pinned: whether the digest was known before the first download.
    """

    path: Path
    sha256: str
    fresh: bool
    pinned: bool


def fetch(
    source: Source,
    into: Path,
    *,
    mirror: str | None = None,
    trust_first: bool = False,
    limits: FetchLimits = FetchLimits(),
    clock: Callable[[], float] = time.monotonic,
) -> tuple[FetchedFile, ...]:
    """Bring a suite's files into a folder; what is there and is right is not fetched again.

    A file is right if its SHA-256 is the one pinned here, or else the one in ``SHA256SUMS`` beside it (of an earlier
    fetch, or put there by the user). Where neither is known the first download must be trusted explicitly; its digests
    are then written to ``SHA256SUMS``, so that every later fetch is checked against them. All files of the suite are
    fetched aside first and moved in place together.

    Proxies are taken from the environment; redirects are followed.

    Args:
        source: what and from where.
        into: the suite's own folder; made if it is missing.
        mirror: URL of a folder that holds the same files, instead of the publisher's.
        trust_first: take what comes for files whose digest nobody has written down.
        limits: of each download.
        clock: seconds, for the time a download takes.

    Raises:
        FetchError: a digest is wrong or not known, the server does not answer or not well, or a limit is passed.
    """
    known = _sums(into / SUMS)
    wanted = {file.name: file.sha256 or known.get(file.name) for file in source.files}
    missing = [file for file in source.files if not _is_right(into / file.name, wanted[file.name])]
    unknown = [file.name for file in missing if wanted[file.name] is None]
    if unknown and not trust_first:
        cure = f"fetch with --trust-first to take what comes and write its digest down, or list it in {into / SUMS}"
        what = f"no digest is known of {len(unknown)} of its files, such as {unknown[0]}"
        raise FetchError(what, where=source.name, cure=cure)
    digests: dict[str, str] = {}
    if missing:
        with _aside(into) as aside:
            for file in missing:
                url = f"{mirror.rstrip('/')}/{file.name}" if mirror else file.url
                digests[file.name] = _download(url, aside / file.name, limits, clock)
                _check(file, digests[file.name], wanted[file.name], url)
            _write_sums(aside / SUMS, {**known, **{name: sha for name, sha in wanted.items() if sha}, **digests})
            for name in (SUMS, *digests):
                (aside / name).replace(into / name)
    return tuple(
        FetchedFile(
            path=into / file.name,
            sha256=digests.get(file.name) or wanted[file.name] or "",
            fresh=file.name in digests,
            pinned=file.sha256 is not None,
        )
        for file in source.files
    )


def _is_right(path: Path, wanted: str | None) -> bool:
    """Tell whether a file is there and what it should be; a file that is there and wrong is never overwritten."""
    if not path.exists():
        return False
    if wanted is None:
        cure = f"move it away, or list its digest in {path.parent / SUMS}"
        raise FetchError("is there already and nobody has written its digest down", where=str(path), cure=cure)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted:
        raise FetchError(f"has SHA-256 {found}, not {wanted}", where=str(path), cure="move it away and fetch again")
    return True


def _check(file: RemoteFile, found: str, wanted: str | None, url: str) -> None:
    if wanted is not None and found != wanted:
        by = "driftwatch" if file.sha256 else SUMS
        cure = f"the file is not the one that {by} knows: find out why before you trust it; nothing was kept"
        raise FetchError(f"what came has SHA-256 {found}, not {wanted}", where=url, cure=cure)


def _download(url: str, to: Path, limits: FetchLimits, clock: Callable[[], float]) -> str:
    """Write what a URL answers to a new file and return its SHA-256."""
    import httpx

    digest, size, until = hashlib.sha256(), 0, clock() + limits.seconds
    try:
        with (
            httpx.Client(timeout=limits.silence_seconds, follow_redirects=True) as client,
            client.stream("GET", url, headers={"User-Agent": "driftwatch"}) as answer,
            to.open("xb") as file,
        ):
            _check_answer(answer, url)
            for chunk in answer.iter_bytes(_CHUNK):
                size += len(chunk)
                if size > limits.bytes:
                    cure = "check the URL"
                    raise FetchError(f"what comes is larger than {limits.bytes:,} bytes", where=url, cure=cure)
                if clock() > until:
                    cure = "try again, or fetch it by other means and give its path"
                    raise FetchError(f"did not end within {limits.seconds:g} s", where=url, cure=cure, retryable=True)
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise FetchError("is no URL that can be fetched", where=url, cure="give an http or https URL") from None
    except httpx.HTTPError as error:
        what = f"was not fetched: {type(error).__name__}"
        raise FetchError(what, where=url, cure="check the network and the proxy settings", retryable=True) from error
    return digest.hexdigest()


def _check_answer(answer: httpx.Response, url: str) -> None:
    if not answer.is_success:
        cure = "the publisher may have moved it: give another --url, or the path of a copy"
        raise FetchError(f"the server answered {answer.status_code}", where=url, cure=cure)


@contextmanager
def _aside(into: Path) -> Iterator[Path]:
    """Give a folder beside the files, removed in the end; the suite's own folder too if it is still empty then."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".fetching-", dir=into))
    except OSError as error:
        raise FetchError(error.strerror or str(error), where=str(into), cure="give another --into") from None
    try:
        yield aside
    except OSError as error:
        raise FetchError(error.strerror or str(error), where=str(into), cure="check the disk") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if not any(into.iterdir()):
            into.rmdir()


def _sums(path: Path) -> Mapping[str, str]:
    """Return the digests of a list, by file name.

    Raises:
        DataError: a line is not of the list's form.
    """
    if not path.exists():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        read = _LINE.fullmatch(line.strip())
        if line.strip() and read is None:
            raise DataError("is no line of sha256sum", where=f"{path}:{number}", cure="write: DIGEST  NAME")
        if read is not None:
            found[read[2]] = read[1]
    return found


def _write_sums(path: Path, sums: Mapping[str, str]) -> None:
    path.write_text("".join(f"{sha}  {name}\n" for name, sha in sorted(sums.items())), encoding="utf-8")

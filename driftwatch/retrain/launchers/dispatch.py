"""The privileged end of the spool: turns requests into services, and believes nothing that it finds there.

The daemon's user writes the folder, so whatever took that user over could put anything into it. A name is a run's id
by the strictest pattern or refused; nothing is ever read from a file, no link is followed, and only files of the
folder's own owner count. The worst that a request can do is to start or end a job of driftwatch.
"""

from __future__ import annotations

import os
import stat
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.launchers.spool import Request, Verb, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = structlog.get_logger()

UNIT = "driftwatch-retrain@{run}.service"
_COMMANDS = {
    Verb.START: ("systemctl", "start"),
    Verb.CANCEL: ("systemctl", "stop", "--no-block"),
    Verb.KILL: ("systemctl", "kill", "--signal=SIGKILL"),
}
_ENDINGS = tuple(f".{verb}" for verb in Verb)
_MOST_ROUNDS = 100


def dispatch(spool: Path) -> int:
    """Do everything that the spool asks for, until it asks for nothing more.

    Returns:
        How many requests were done; those refused do not count.

    Raises:
        RunError: the folder is a link, or not there.
    """
    done = 0
    with _opened(spool) as folder:
        for _ in range(_MOST_ROUNDS):
            if not (names := _names(folder)):
                break
            done += sum(_take(folder, name) for name in names)
    return done


@contextmanager
def _opened(spool: Path) -> Iterator[int]:
    try:
        folder = os.open(spool, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RunError(f"the spool cannot be opened: {error.strerror}", where=str(spool)) from error
    try:
        yield folder
    finally:
        os.close(folder)


def _names(folder: int) -> list[str]:
    """Return the files that ask for something, whatever their names; hidden ones are none of the path unit's."""
    found = os.listdir(folder)  # by descriptor: the folder that was checked, whatever its path leads to by now
    return sorted(name for name in found if name.endswith(_ENDINGS) and not name.startswith("."))


def _take(folder: int, name: str) -> bool:
    """Do what one file asks for, then remove it; what it may not ask for is removed undone."""
    request, problem = parse(name), _problem(folder, name)
    if request is None or problem is not None:
        log.warning("request_refused", name=name[:200], reason=problem or "no run has such an id")
        _remove(folder, name)
        return False
    _obey(request)
    _remove(folder, name)
    return True


def _problem(folder: int, name: str) -> str | None:
    """Say why a file is no request of the daemon's."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return "it was withdrawn"
    if not stat.S_ISREG(found.st_mode):
        return "it is no plain file"
    if found.st_nlink != 1:
        return "it has other names"
    if found.st_uid != os.fstat(folder).st_uid:
        return "it is somebody else's"
    return None


def _obey(request: Request) -> None:
    """Call systemctl; a start returns once the job holds its lock, so that no run under way looks idle."""
    done = subprocess.run(
        [*_COMMANDS[request.verb], UNIT.format(run=request.run)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    event = log.info if done.returncode == 0 else log.error
    event("dispatched", run=request.run, verb=request.verb.name.lower(), code=done.returncode, said=done.stderr.strip())


def _remove(folder: int, name: str) -> None:
    """Remove a file; a folder cannot be, so it is moved out of the way."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        number = os.stat(name, dir_fd=folder, follow_symlinks=False).st_ino
        with suppress(OSError):
            os.rename(name, f"refused-{number}", src_dir_fd=folder, dst_dir_fd=folder)

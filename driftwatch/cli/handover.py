"""What root's commands leave in the state folder is given to whom the folder belongs, so that the daemon can go on."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def hand_over(state: Path) -> int:
    """Give root's files and folders below the state folder to its owner, where that is somebody else.

    The owner may change the folder meanwhile, and may mean harm: nothing is followed, everything is reached through the
    descriptor of a folder that was looked at, and a file that has other names is left alone.

    Args:
        state: the state folder; one that is not there, or that is root's, needs nothing.

    Returns:
        How many were given.
    """
    try:
        owner = state.stat()
    except OSError:
        return 0
    if os.geteuid() != 0 or owner.st_uid == 0:
        return 0
    given = 0
    for _, folders, files, at in os.fwalk(state.resolve(), follow_symlinks=False):
        for name in (*folders, *files):
            given += _give(name, at, owner)
    return given


def _give(name: str, at: int, owner: os.stat_result) -> bool:
    try:
        found = os.stat(name, dir_fd=at, follow_symlinks=False)
        ours = found.st_uid == 0 and (stat.S_ISDIR(found.st_mode) or found.st_nlink == 1)
        if ours:
            os.chown(name, owner.st_uid, owner.st_gid, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return ours

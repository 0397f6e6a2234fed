"""What daemons on one store must have alike, taken from the configuration and the rules in force."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from driftwatch import __version__
from driftwatch.config import settings
from driftwatch.domain.hosts import Agreement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.config import Config
    from driftwatch.policy.ruleset import Policy

_ALIKE = ("streams.", "alerts.", "retrain.launcher", "retrain.concurrent")
_READ_BY_THE_LEADER = ("file", "folder", "sql")
_SOURCES = ".sources"
_CHARACTERS = 16


def agreement_of(config: Config, policy: Policy) -> Agreement:
    """Return what another daemon on the store must have like this one.

    Of sources only those count that the leader reads alone: each host reads brokers under a name of its own, and takes
    in over HTTP what is sent to it.

    Args:
        config: as loaded.
        policy: in force.
    """
    return Agreement(
        says={
            "driftwatch": f'"{__version__}"',
            "state_dir": f'"{config.state_dir}"',
            "policies": f'"{policy.hash}"',
            "recipes": f'"{_digest(policy.recipes)}"',
            **{key: said for key, said in settings(config).items() if key.startswith(_ALIKE) and _SOURCES not in key},
            **dict(_sources(config)),
        }
    )


def _sources(config: Config) -> Iterator[tuple[str, str]]:
    for name, stream in config.streams.items():
        read = [source for source in stream.sources if source.type in _READ_BY_THE_LEADER]
        yield f"streams.{name}{_SOURCES}", f'"{_digest(read)}"'


def _digest(value: object) -> str:
    said = msgspec.json.encode(msgspec.to_builtins(value, enc_hook=str), order="sorted")
    return sha256(said).hexdigest()[:_CHARACTERS]

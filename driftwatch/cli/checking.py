"""``driftwatch check``: everything the daemon needs, looked at before it starts."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from driftwatch.cli.alike import alike
from driftwatch.cli.checking_budget import budget_findings
from driftwatch.cli.checking_streams import stream_findings
from driftwatch.cli.checking_ways import services, ways
from driftwatch.cli.findings import Finding, asked, report
from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, read_config, told
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import typer

    from driftwatch.config import Config

_ANYBODY = 0o002
_PASSWORD = re.compile(r"://[^/@:]*:[^/@]+@")
_OPEN_STORE = 'the configuration holds the password: write store = "file:/path", with the URL in that file'
_UNREAD = Finding(
    level="warning", subject="policies", detail="not looked at: they name recipes, and these cannot be used yet"
)


@told
def check(config: ConfigOption = DEFAULT_CONFIG, *, json: JsonOption = False) -> None:
    """Check configuration, policies, models, references and permissions before the daemon starts."""
    report(list(checked(read_config(config))), json=json)


def checked(config: Config) -> Iterator[Finding]:
    """Look at everything that can be told before the daemon starts."""
    yield Finding(level="ok", subject="configuration", detail=str(config.path))
    recipes = asked("recipes", lambda: _recipes(config))
    yield recipes
    yield _policies(config) if recipes.level == "ok" else _UNREAD
    yield from ways(config)
    if config.store is not None and _PASSWORD.search(config.store):
        yield Finding(level="warning", subject="store", detail=_OPEN_STORE)
    yield from services(config)
    yield asked("state folder", lambda: _writable(config))
    try:
        store = opened(config)
    except DriftwatchError as error:
        yield Finding(level="error", subject="store", detail=str(error), code=error.exit_code)
        return
    try:
        if config.store is not None:
            yield from alike(config, store)
        for stream in config.streams.values():
            yield from stream_findings(store, stream)
            yield from budget_findings(config, store, stream)
    finally:
        store.close()


def existing(folder: Path) -> Path:
    """Return the folder, or the innermost one around it that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _policies(config: Config) -> Finding:
    from driftwatch import wiring

    counts = dict.fromkeys(config.streams, 0)

    def ask() -> str:
        policy = wiring.load_policy(config)
        counts.update({stream: len(policy.of(stream)) for stream in config.streams})
        return ", ".join(f"{count} in force for stream {stream}" for stream, count in counts.items())

    found = asked("policies", ask)
    bare = [stream for stream, count in counts.items() if not count]
    if found.level == "error" or not bare:
        return found
    detail = f"no rule for stream {', '.join(bare)}: it is measured, and nothing is ever done about it"
    if absent := wiring.unmatched_policies(config):
        detail += f"; no policy file is there: {', '.join(absent)}"
    return Finding(level="warning", subject="policies", detail=detail)


def _recipes(config: Config) -> str:
    from driftwatch import wiring

    return ", ".join(wiring.known_recipes(config))


def _writable(config: Config) -> str:
    folder = existing(config.state_dir)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DriftwatchError(
            "it cannot be written", where=str(folder), cure="give it to the user that driftwatch runs as"
        )
    if folder == config.state_dir and folder.stat().st_mode & _ANYBODY:
        raise DriftwatchError("everybody can write into it", where=str(folder), cure=f"chmod o-w {folder}")
    return str(config.state_dir)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch check --config /etc/driftwatch/driftwatch.toml")(check)

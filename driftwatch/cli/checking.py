"""``driftwatch check``: everything the daemon needs, looked at before it starts."""

from __future__ import annotations

import errno
import os
import re
import socket
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from driftwatch.cli.alike import alike
from driftwatch.cli.findings import Finding, asked, report
from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, read_config, told
from driftwatch.cli.looking import looked_into
from driftwatch.cli.recognising import daemon, own_daemon
from driftwatch.domain.errors import ConfigError, DriftwatchError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer

    from driftwatch.alert.settings import AppriseSettings
    from driftwatch.config import Config, StreamSettings
    from driftwatch.drift.drills.settings import DrillSettings
    from driftwatch.store import Champion, ReferenceRow, Store

_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_ANYBODY = 0o002
_LEAST_WINDOWS = 100
_TENTH = 0.1
_DAY = 86_400
_IN_STREAM = (
    "its texts name their group and the training data names none, so drift is seen later, and topics that disappear "
    "hardly at all: set group in the stream's reference"
)
_IN_REFERENCE = (
    "the training data names its groups and not every source does, so the false-alarm budget is kept only where groups "
    "are as long whatever they are about: set group in every source, or none in the stream's reference"
)
_PASSWORD = re.compile(r"://[^/@:]*:[^/@]+@")
_OPEN_STORE = 'the configuration holds the password: write store = "file:/path", with the URL in that file'
_ANYBODY_READS = (
    "it listens beyond this machine, unencrypted, and whoever reaches it can read its pages: set web_config with "
    "tls_server_config and basic_auth_users"
)
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
    yield from _address(config)
    yield asked("who may ask", lambda: _entrance(config))
    if config.daemon.web_config is None and not config.daemon.loopback:
        yield Finding(level="warning", subject="who may ask", detail=_ANYBODY_READS)
    if config.alerts.webhook is not None and (secret := config.alerts.webhook.secret) is not None:
        yield asked("secret of the webhook", lambda: _secret(secret))
    if config.store is not None and _PASSWORD.search(config.store):
        yield Finding(level="warning", subject="store", detail=_OPEN_STORE)
    for name, service in config.alerts.apprise.items():
        yield asked(f"apprise {name}", partial(_service, name, service))
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
            yield from _stream(store, stream)
            yield from _budget(config, store, stream)
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


def _address(config: Config) -> Iterator[Finding]:
    """Yield whether the daemon could listen; where something does already, who that is: its daemon is no mistake."""
    trouble = _cannot_listen(config)
    taken = trouble is not None and trouble.errno == errno.EADDRINUSE
    who = daemon(config, own_daemon(config)) if taken else None
    if who is None or who.level == "error":
        yield asked("address", partial(_free, config, trouble))
    if who is not None:
        yield who


def _free(config: Config, trouble: OSError | None) -> str:
    listen = config.daemon.listen
    if trouble is not None:
        what = f"cannot listen: {trouble.strerror or trouble}"
        raise ConfigError(what, where=listen, cure="stop what uses it, or set another [daemon] listen")
    return f"{listen} is free"


def _cannot_listen(config: Config) -> OSError | None:
    host, port = config.daemon.host, config.daemon.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error
    return None


def _service(name: str, settings: AppriseSettings) -> str:
    from driftwatch.alert.apprise import AppriseNotifier
    from driftwatch.domain.secrets import read_secret

    AppriseNotifier(name, settings, url=read_secret(settings.url, environ=os.environ))
    return f"{settings.url} is an address that Apprise knows"


def _entrance(config: Config) -> str:
    from driftwatch.wiring.access import read_access

    found = read_access(config, environ=os.environ).value
    users, tokens = len(found.access.users), len(found.access.tokens)
    return f"{'TLS' if found.tls is not None else 'plain HTTP'}, {users} user(s), {tokens} token(s)"


def _secret(reference: str) -> str:
    from driftwatch.domain.secrets import read_secret

    read_secret(reference, environ=os.environ)
    return f"{reference} is there"


def _secrets(stream: StreamSettings) -> Iterator[tuple[str, str]]:
    """Yield what needs a secret, and the secret's reference."""
    reload, export = stream.reload, stream.export
    wanted = {
        "secret of the reload webhook": reload.secret,
        "key of vLLM": reload.vllm.key if reload.vllm is not None else None,
        "token of MLflow": export.mlflow.token if export.mlflow is not None else None,
        "token of the hub": export.hub.token if export.hub is not None else None,
    }
    yield from ((what, secret) for what, secret in wanted.items() if secret is not None)


def _writable(config: Config) -> str:
    folder = existing(config.state_dir)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DriftwatchError(
            "it cannot be written", where=str(folder), cure="give it to the user that driftwatch runs as"
        )
    if folder == config.state_dir and folder.stat().st_mode & _ANYBODY:
        raise DriftwatchError("everybody can write into it", where=str(folder), cure=f"chmod o-w {folder}")
    return str(config.state_dir)


def _stream(store: Store, stream: StreamSettings) -> Iterator[Finding]:
    name = f"stream {stream.name}"
    if not stream.sources:
        yield Finding(level="warning", subject=name, detail="it has no source, so no text comes in")
    for source in stream.sources:
        if source.type == "file":
            yield _log(name, source.path)
        elif source.type not in ("http", "otlp", "tap"):
            yield looked_into(source, stream.name)
    yield from _groups(name, stream)
    for what, secret in _secrets(stream):
        yield asked(f"{name}: {what}", partial(_secret, secret))
    for drill in stream.drills:
        yield asked(f"{name}: drill {drill.name}", partial(_drill, drill))
    champion, reference = store.registry.champion(stream.name), store.registry.reference(stream.name)
    yield _model(f"{name}: model", stream, champion)
    if reference is None:
        yield from _unbuilt(name, stream)
    else:
        yield asked(f"{name}: reference", lambda: _reference(reference, champion, stream.name))


def _groups(name: str, stream: StreamSettings) -> Iterator[Finding]:
    """Warn where rates would be counted by groups and bet on by texts, or the other way round."""
    if not stream.reference.data or not stream.sources:
        return
    sources = {source.group is not None for source in stream.sources}
    reference = stream.reference.group is not None
    if not reference and True in sources:
        yield Finding(level="warning", subject=f"{name}: groups", detail=_IN_STREAM)
    if reference and False in sources:
        yield Finding(level="warning", subject=f"{name}: groups", detail=_IN_REFERENCE)


def _budget(config: Config, store: Store, stream: StreamSettings) -> Iterator[Finding]:
    """Say what the false-alarm budget comes to in texts, and whether it lets a small topic be seen in a day."""
    from driftwatch.drift.power import LEAST_TEXTS, QUICK_TRIALS, sentence
    from driftwatch.wiring.power import kept_power, stream_arl

    subject = f"stream {stream.name}: false alarms"
    arl, rate = stream_arl(store, stream)
    at = "at one text a second, for want of windows" if rate is None else f"at {rate:,.3g} texts a second"
    words = f"{stream.false_alarms} {at}: {arl:,.0f} texts, {arl / stream.window:,.0f} windows between two"
    if arl < _LEAST_WINDOWS * stream.window:
        detail = f"{words}; more than one in {_LEAST_WINDOWS} windows is allowed, so write a longer time"
        yield Finding(level="warning", subject=subject, detail=detail)
        return
    yield Finding(level="ok", subject=subject, detail=words)
    reference = store.registry.reference(stream.name)
    if reference is None:
        return
    if reference.texts < LEAST_TEXTS:
        detail = (
            f"a reference of {reference.texts:,} texts is too small to say what it can see: give it {LEAST_TEXTS:,}"
        )
        yield Finding(level="warning", subject=f"stream {stream.name}: power", detail=detail)
        return
    seen = kept_power(config, store, stream, trials=QUICK_TRIALS)
    if seen is None:
        detail = f"what it can see is not known: driftwatch reference power {stream.name}"
        yield Finding(level="ok", subject=f"stream {stream.name}: power", detail=detail)
        return
    tenth = next(each for each in seen.found if each.share == _TENTH)
    day = inf if rate is None else rate * _DAY
    late = tenth.median is None or tenth.median > day
    fewer = "a day brings fewer texts" if (tenth.median or tenth.horizon) > day else "more could not be simulated"
    cure = f"; {fewer}, so give a larger reference or a laxer budget" if late else ""
    level: Literal["ok", "warning"] = "warning" if late else "ok"
    yield Finding(level=level, subject=f"stream {stream.name}: power", detail=sentence(seen.found) + cure)


def _log(name: str, path: Path) -> Finding:
    if not path.exists():
        return Finding(level="warning", subject=f"{name}: log", detail=f"{path} is not there yet")
    if not os.access(path, os.R_OK):
        return Finding(level="error", subject=f"{name}: log", detail=f"{path} cannot be read by this user")
    return Finding(level="ok", subject=f"{name}: log", detail=str(path))


def _drill(drill: DrillSettings) -> str:
    from driftwatch.wiring import drill_texts

    found, needed = len({text.body for text in drill_texts(drill)}), drill.least_texts
    if found < needed:
        raise ConfigError(
            f"{found:,} different texts are too few for a drill of {needed:,}",
            where=str(drill.texts),
            cure="give more texts, or a smaller share or within",
        )
    return f"{found:,} different texts, {needed:,} needed each time"


def _model(subject: str, stream: StreamSettings, champion: Champion | None) -> Finding:
    if champion is not None:
        return asked(subject, lambda: _serving(champion))
    if stream.model is None:
        return Finding(level="warning", subject=subject, detail="it has no model: loss and retraining are off")
    if Path(stream.model).is_absolute():
        return asked(subject, lambda: _folder(Path(str(stream.model))))
    if not _HUB_NAME.fullmatch(stream.model):
        return Finding(level="error", subject=subject, detail=f"{stream.model}: there is no such folder", code=2)
    detail = f"{stream.model} is no folder here, so it is looked for on the hub when the reference is built"
    return Finding(level="warning", subject=subject, detail=detail)


def _serving(champion: Champion) -> str:
    """Hold every file of the serving model against its manifest, and that against the ledger."""
    from driftwatch.retrain.promote import check_version

    if check_version(Path(champion.path)).digest != champion.digest:
        raise ModelError("its manifest is not that of the model in the ledger", where=champion.path)
    return f"version {champion.version} serves, every hash right"


def _folder(folder: Path) -> str:
    from driftwatch.features.model import Family, inspect_model

    found = inspect_model(folder)
    if found.family is Family.BARE:
        raise ModelError(
            "this model has no head: it embeds texts, but predicts nothing",
            where=str(folder),
            cure="give a causal or masked language model, or a sequence classifier",
        )
    return f"{found.family.value} model in {found.path}"


def _unbuilt(name: str, stream: StreamSettings) -> Iterator[Finding]:
    build = f"there is no reference yet: driftwatch reference build {stream.name}"
    yield Finding(level="warning", subject=f"{name}: reference", detail=build)
    for file in (*stream.reference.data, *stream.reference.heldout):
        if not file.exists():
            missing = f"{file}: there is no such file"
            yield Finding(level="error", subject=f"{name}: training data", detail=missing, code=2)


def _reference(row: ReferenceRow, champion: Champion | None, stream: str) -> str:
    from driftwatch.drift.archive import load_reference

    reference = load_reference(Path(row.path))
    if champion is not None and row.champion not in (None, champion.digest):
        raise ModelError(
            "it belongs to another model than the serving one", cure=f"driftwatch reference build {stream}"
        )
    return f"{reference.version}: {len(reference.train.texts) + len(reference.cal.texts):,} texts, every hash right"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch check --config /etc/driftwatch/driftwatch.toml")(check)

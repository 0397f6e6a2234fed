"""``driftwatch init``: a commented configuration and a policy to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from driftwatch.cli.frame import out, told
from driftwatch.cli.shipped import shipped
from driftwatch.domain.errors import ConflictError, DataError

_TEMPLATE = """\
# driftwatch: what to watch and what to compare it with. Durations and sizes are in words ("24h", "2 GiB").
# Relative paths begin at this file's folder; unknown keys are errors. Check it with: driftwatch check

state_dir = "state"                      # everything durable: texts, windows, references, models
policies = ["policies/*.yaml"]           # the rules that decide; edit them while the daemon runs

[daemon]
listen = "127.0.0.1:9478"                # intake, status page, /metrics, /-/healthy
threads = 1                              # of torch, in the worker and in jobs
# web_config = "web.yml"                 # TLS and users, before it listens beyond this machine

# Where alerts go; secrets are references: env:NAME, file:PATH or credential:NAME (systemd).
# [alerts.alertmanager]
# url = "http://127.0.0.1:9093"
# [alerts.webhook]
# url = "https://example.org/hook"
# secret = "env:DRIFTWATCH_HOOK_SECRET"
# [alerts.apprise.team]                  # Slack, e-mail, PagerDuty and a hundred more; driftwatch alert test
# url = "env:DRIFTWATCH_TEAM"

[streams.{stream}]
{model}
window = 500                             # texts assessed in one step
false_alarms = "1 per 365d"
redact = true                            # personal data and secrets become placeholders before anything is stored

[streams.{stream}.encoder]
name = "sentence-transformers/all-MiniLM-L6-v2"
# kind = "static"                        # distilled from it: dozens of times cheaper

[streams.{stream}.reference]
data = [{data}]                          # what the model was trained on
# heldout = ["heldout.jsonl"]            # of the same kind, never trained on: a better baseline of the loss
# field = "text"
# group = "session"                    # where the sources name theirs
sample = 20000

[[streams.{stream}.sources]]
type = "file"                            # followed through rotation, gzip and restarts
path = {log}
body = {body}                            # field path in JSON lines, such as messages[-1].content
# id = "id"
# time = "time"
# group = "session"

[[streams.{stream}.sources]]
type = "http"                            # POST /v1/streams/{stream}/texts

[streams.{stream}.sample]
rate = 1.0
# per_second = 50

[streams.{stream}.retention]
age = "30d"
texts = 1000000
# reports = "30d"                        # of windows; they show texts
"""


@told
def init(
    folder: Annotated[Path, typer.Option(help="Where the files are written.")] = Path(),
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    log: Annotated[str | None, typer.Option(help="Log file with production text.")] = None,
    data: Annotated[
        str | None, typer.Option(help="Training data: JSON Lines, text, CSV, Parquet or a datasets folder.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Folder or hub name of the serving model; empty for none.")] = None,
    body: Annotated[str, typer.Option(help="Field path of the text in the log.")] = "text",
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented driftwatch.toml and a policy; asks for what is not given."""
    config, policy = folder / "driftwatch.toml", folder / "policies" / "default.yaml"
    schema = policy.with_name("policy.schema.json")  # which the policy names, for editors
    for file in (config, policy):
        if file.exists() and not force:
            raise ConflictError("it is there already", where=str(file), cure="--force overwrites it")
    log = (
        log if log is not None else typer.prompt("Log file with production text", default="/var/log/app/requests.jsonl")
    )
    data = data if data is not None else typer.prompt("Training data", default="train.jsonl")
    model = model if model is not None else typer.prompt("Model folder or hub name (empty for none)", default="")
    line = (
        f"model = {_quoted(model)}"
        if model
        else '# model = "models/champion"          # to watch its loss and retrain it'
    )
    _check(stream, body)
    content = _TEMPLATE.format(stream=stream, log=_quoted(log), data=_quoted(data), body=_quoted(body), model=line)
    try:
        policy.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(content, encoding="utf-8")
        policy.write_text(shipped("policies", "default.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        schema.write_text(shipped("policies", "policy.schema.json").read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise DataError(f"it cannot be written: {error.strerror}", where=str(folder)) from None
    out.print(f"wrote {config}, {policy} and {schema} (by which editors check policies)", soft_wrap=True)
    out.print(f"next: driftwatch check, driftwatch reference build {stream}, driftwatch run")


def _check(stream: str, body: str) -> None:
    """Refuse now what ``check`` would refuse later."""
    from driftwatch.config import StreamSettings
    from driftwatch.intake.file import FileSettings

    try:
        StreamSettings(name=stream, sources=(FileSettings(path=Path("log"), body=body),))
    except ValueError as error:
        raise DataError(str(error), cure="driftwatch init --help shows what each option takes") from None


def _quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")  # what JSON escapes, TOML reads


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch init --log /var/log/app.jsonl --data train.jsonl --model models/champion")(
        init
    )

"""Sources in the configuration: every kind is read, and every mistake has its place and cure."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from driftwatch.config import Config, load_config
from driftwatch.daemon.backlog import Backlog
from driftwatch.domain.errors import ConfigError
from driftwatch.intake.folder import FolderSettings
from driftwatch.intake.kafka import KafkaSettings
from driftwatch.intake.otlp import OtlpSettings
from driftwatch.intake.redis_streams import RedisSettings
from driftwatch.intake.sql import SqlSettings
from driftwatch.intake.tap import TapSettings

EVERYTHING = """
[daemon]
backlog = 5000

[streams.support]

[[streams.support.sources]]
type = "sql"
url = "postgresql://reader@db/app"
password = "env:DB"
table = "chat.messages"
cursor = "id"
settle = "5s"

[[streams.support.sources]]
type = "folder"
url = "s3://bucket/texts"
late = "1d"
secrets = { key = "env:KEY" }
max_bytes = "8 KiB"

[[streams.support.sources]]
type = "redis"
url = "redis://redis:6379/0"
key = "says"

[[streams.support.sources]]
type = "kafka"
brokers = "kafka:9092"
topic = "says"
options = { "security.protocol" = "SSL" }

[[streams.support.sources]]
type = "otlp"
match = { "service.name" = "support" }

[[streams.support.sources]]
type = "tap"
records = "openai"
"""


def load(folder: Path, words: str) -> Config:
    (folder / "driftwatch.toml").write_text(words)
    return load_config(folder / "driftwatch.toml", environ={})


def test_every_kind(tmp_path: Path) -> None:
    config = load(tmp_path, EVERYTHING)
    sql, folder, redis, kafka, otlp, tap = config.streams["support"].sources
    assert config.daemon.backlog == 5_000
    assert isinstance(sql, SqlSettings)
    assert (sql.settle, sql.password) == (timedelta(seconds=5), "env:DB")
    assert isinstance(folder, FolderSettings)
    assert (folder.late, folder.max_bytes, dict(folder.secrets)) == (timedelta(days=1), 8_192, {"key": "env:KEY"})
    assert isinstance(redis, RedisSettings)
    assert isinstance(kafka, KafkaSettings)
    assert dict(kafka.options) == {"security.protocol": "SSL"}
    assert isinstance(otlp, OtlpSettings)
    assert isinstance(tap, TapSettings)
    assert tap.records == "openai"


@pytest.mark.parametrize(
    ("written", "meant"), [("in", "{base}/in"), ("/var/in", "/var/in"), ("memory://in", "memory://in")]
)
def test_relative_folders_begin_at_the_file(tmp_path: Path, written: str, meant: str) -> None:
    config = load(tmp_path, EVERYTHING.replace("s3://bucket/texts", written))
    folder = config.streams["support"].sources[1]
    assert isinstance(folder, FolderSettings)
    assert folder.url == meant.format(base=tmp_path)


@pytest.mark.parametrize(
    ("instead", "by", "told"),
    [
        ('type = "sql"', 'type = "sqll"', ':8:1: "sqll" is no type of source (did you mean "sql"?)'),
        ('table = "chat.messages"\n', "", ':7:3: "table" is missing'),
        ('cursor = "id"', 'curser = "id"', ':12:1: unknown key "curser" (did you mean cursor?)'),
        ('settle = "5s"', 'settle = "soon"', ":13:1: "),
        ('"postgresql://reader@db/app"', '"postgresql://reader:word@db/app"', "a password stands in the URL"),
        ('key = "env:KEY"', 'key = "word"', "a secret is named, not written"),
        ('type = "tap"', 'type = "tap"\nwatch = "both"', "\"watch\": input should be 'prompt' or 'completion'"),
        ("backlog = 5000", "backlog = 1", ":2:2: backlog must be at least 50"),
        ("backlog = 5000", "backlog = 499", "backlog (499) must hold a window of stream support (500)"),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, instead: str, by: str, told: str) -> None:
    assert instead in EVERYTHING
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, EVERYTHING.replace(instead, by, 1))
    assert told in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert str(tmp_path / "driftwatch.toml") in str(caught.value)


WRONG_TYPES = """
[daemon]
poll = "soon"
[streams.support]
colour = "red"
[[streams.support.sources]]
type = "pigeon"
path = "loft"
wings = 2
[[streams.support.sources]]
type = "kafak"
topic = "chats"
gruop = "driftwatch"
[[streams.support.sources]]
type = "file"
[streams.support.sample]
rate = 2.0
[streams.sales]
window = 7
colour = "red"
[[streams.sales.sources]]
typ = "http"
"""


def test_a_wrong_type_hides_no_other_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, WRONG_TYPES)
    lines = str(caught.value).splitlines()
    told = dict(line.removeprefix(f"{tmp_path / 'driftwatch.toml'}:").split(": ", 1) for line in lines)
    beginnings = {
        "3:1": '"soon" is no duration',
        "5:1": 'unknown key "colour" (known here: ',
        "7:1": '"pigeon" is no type of source (write type = "file" or ',
        "9:1": 'unknown key "wings" (no source has it)',
        "10:3": '"brokers" is missing',
        "11:1": '"kafak" is no type of source (did you mean "kafka"?)',
        "13:1": 'unknown key "gruop" (did you mean group?)',
        "14:3": '"path" is missing',
        "16:2": "rate must be above 0",
        "18:2": "window must lie between",
        "20:1": 'unknown key "colour" (known here: ',
        "21:3": '"type" of the source is missing (write type = "file" or ',
        "22:1": 'unknown key "typ" (did you mean type?)',
    }
    assert list(told) == list(beginnings)
    assert [place for place, begin in beginnings.items() if not told[place].startswith(begin)] == []


@pytest.mark.parametrize(
    "content",
    [
        "[daemon]\nbacklog = 200\n[streams.support]\nwindwo = 100\n",
        "[daemon]\nbacklog = 200\n[streams.support]\nwindow = 100\n[streams.support.evidence]\ndependnece = 64\n",
        '[streams.support]\n[[streams.support.sources]]\ntype = "file"\npaht = "log"\n',
        "[streams.support]\n" + 2 * '[[streams.support.sources]]\ntype = "http"\n' + 'nmae = "other"\n',
        '[daemon]\npoll = "soon"\n[streams.support]\n',
        "[stream.support]\n",
    ],
)
def test_what_only_follows_from_a_mistake_is_not_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, content)
    assert len(str(caught.value).splitlines()) == 1


def test_backlog_counts_what_was_stored_since_the_last_look() -> None:
    backlog = Backlog(10)
    backlog.stored("a", 4)
    asked = backlog.look()
    backlog.stored("a", 5)  # while the store counts: it may have seen these or not
    backlog.counted({"a": 4}, asked)
    assert (backlog.waiting("a"), backlog.full("a")) == (9, False)
    backlog.stored("a", 1)
    assert (backlog.full("a"), backlog.full("b")) == (True, False)
    backlog.counted({"a": 0}, backlog.look())
    assert not backlog.full("a")

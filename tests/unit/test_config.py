from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from driftwatch.config import load_config
from driftwatch.domain.errors import ConfigError

GOOD = """\
state_dir = "var"
[daemon]
listen = "127.0.0.1:0"
poll = "200ms"
[streams.support]
window = 200
redact = ["email"]
[streams.support.retention]
age = "7d"
[streams.support.reference]
data = ["train.jsonl"]
[[streams.support.sources]]
type = "file"
path = "log.jsonl"
max_bytes = "2 KiB"
[[streams.support.sources]]
type = "http"
"""


def write(folder: Path, content: str) -> Path:
    path = folder / "driftwatch.toml"
    path.write_text(content)
    return path


def test_words_become_values_and_paths_begin_at_the_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), environ={})
    stream = config.streams["support"]
    assert config.state_dir == tmp_path / "var"
    assert config.daemon.poll == timedelta(milliseconds=200)
    assert stream.retention.age == timedelta(days=7)
    assert stream.reference.data == (tmp_path / "train.jsonl",)
    assert [source.name for source in stream.sources] == ["file", "http"]
    assert stream.sources[0].max_bytes == 2048
    assert stream.redact is not None
    assert stream.redact.kinds == ("email",)
    assert stream.budget.interval == timedelta(days=365)


@pytest.mark.parametrize(("word", "redacts"), [("true", True), ("false", False)])
def test_redaction_is_switched(tmp_path: Path, word: str, redacts: bool) -> None:
    config = load_config(write(tmp_path, f"[streams.a]\nredact = {word}\n"), environ={})
    assert (config.streams["a"].redact is not None) is redacts


def test_the_environment_moves_the_state(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), environ={"DRIFTWATCH_STATE_DIR": "/srv/state"})
    assert config.state_dir == Path("/srv/state")


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ("", "1:1", "there is no stream"),
        ("streams = 7\n", "1:1", "streams"),
        ("[streams.a\n", "1:11", "this is no TOML"),
        ("[streams.a]\nwindow = \n", "2:10", "this is no TOML"),
        ("[streams.a]\nwindow = 5\nwindow = 6\n", "3:11", "this is no TOML"),
        ("[streams.a]\nwindwo = 5\n", "2:1", 'unknown key "windwo" (did you mean window?)'),
        ("[stream.a]\n", "1:2", 'unknown key "stream" (did you mean streams?)'),
        ("[streams.a]\n[streams.a.sampel]\nrate = 1\n", "2:2", "did you mean sample?"),
        ("[streams.a]\nwindow = 5\n", "1:2", "window must lie between 50 and 100000"),
        ("[streams.a]\nwindow = 100\nevidence.dependence = 256\n", "1:2", "set window to 256"),
        ('[streams.a]\nwindow = "many"\n', "2:1", '"window"'),
        ("[streams.A]\n", "1:2", "lower-case letters"),
        ('[streams.a]\nfalse_alarms = "never"\n', "1:2", '"1 per 365d"'),
        ('[streams.a]\nname = "b"\nx = 1\n', "3:1", 'unknown key "x"'),
        ("[streams.a]\nencoder = {kind = 'magic'}\n", "2:12", "'transformer', 'static' or 'champion'"),
        ("[streams.a]\n[streams.a.encoder]\nmax_tokens = 0\n", "2:2", "max_tokens must be at least 1"),
        ("[streams.a]\n[streams.a.sample]\nrate = 2.0\n", "2:2", "rate must be above 0"),
        ('[streams.a]\nredact = ["names"]\n', "2:1", '"names" cannot be redacted'),
        ("[streams.a]\n[streams.a.reference]\nsample = 10\n", "2:2", "sample must be at least 500"),
        ('[streams.a]\n[streams.a.retention]\nage = "long"\n', "3:1", "long"),
        (
            '[streams.a]\n[[streams.a.sources]]\ntype = "pigeon"\n',
            "3:1",
            '"pigeon" is no type of source (write type = "file" or "http"',
        ),
        ('[streams.a]\n[[streams.a.sources]]\ntype = "kafak"\n', "3:1", 'did you mean "kafka"?'),
        ('[streams.a]\n[[streams.a.drills]]\nname = "x"\n', "2:3", '"texts" is missing'),
        ('[streams.a]\n[[streams.a.drills]]\nname = "x"\nshaer = 1\n', "4:1", "did you mean share?"),
        ('[streams.a]\n[[streams.a.drills]]\nname = "x"\ntexts = "y"\nevery = "soon"\n', "5:1", "soon"),
        ("[streams.a]\nwindow = 200\n[streams.a.encoder]\ntexts = 200\n", "1:2", "set texts below window"),
        (
            "[streams.a]\n" + 2 * '[[streams.a.drills]]\nname = "x"\ntexts = "y"\n',
            "1:2",
            "two drills have the same name",
        ),
        (
            "[streams.a]\n[[streams.a.sources]]\npath = 'x'\n",
            "2:3",
            '"type" of the source is missing (write type = "file" or "http"',
        ),
        ("[streams.a]\n[[streams.a.sources]]\ntype = 'file'\n", "2:3", '"path" is missing'),
        (
            (
                "[streams.a]\n[[streams.a.sources]]\ntype = 'http'\n"
                "[[streams.a.sources]]\ntype = 'file'\npath = 'x'\nbody = 'a['\n"
            ),
            "4:3",
            "is no field path",
        ),
        (
            "[streams.a]\n[[streams.a.sources]]\ntype = 'http'\n[[streams.a.sources]]\ntype = 'http'\n",
            "1:2",
            "same name",
        ),
        ("[streams.a]\n[[streams.a.sources]]\ntype = 'http'\nbdoy = 'x'\n", "4:1", "did you mean body?"),
        ('[daemon]\nlisten = "here"\n[streams.a]\n', "1:2", '"host:port"'),
        ('[daemon]\nlisten = "h:70000"\n[streams.a]\n', "1:2", '"host:port"'),
        ('[daemon]\npoll = "1y"\n[streams.a]\n', "2:1", "1y"),
        ("[daemon]\nthreads = 0\n[streams.a]\n", "1:2", "threads must lie"),
        ('[daemon]\nlog = "xml"\n[streams.a]\n', "2:1", "'json' or 'text'"),
        ('[alerts.webhook]\nurl = "ftp://x"\n[streams.a]\n', "1:2", "no URL"),
        ('[alerts.webhook]\nurl = "http://x"\nsecret = "s3cr3t"\n[streams.a]\n', "1:2", ""),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, content: str, place: str, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    assert f"{path}:{place}: " in str(caught.value)
    assert said in str(caught.value)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "[streams.a]\nwindwo = 5\nmodle = 'x'\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    assert str(caught.value).count("unknown key") == 2


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file.*driftwatch init"):
        load_config(tmp_path / "none.toml", environ={})
    with pytest.raises(ConfigError, match="it cannot be read"):
        load_config(tmp_path, environ={})
    path = tmp_path / "latin.toml"
    path.write_bytes(b'state_dir = "\xe9"\n')
    with pytest.raises(ConfigError, match="byte 13 is not UTF-8"):
        load_config(path, environ={})

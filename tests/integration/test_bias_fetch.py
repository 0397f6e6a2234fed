"""Fetching suites from a server on loopback that has the publishers' files."""

from __future__ import annotations

import hashlib
import json
from itertools import count
from pathlib import Path

import pytest
from corpus import DATA
from file_server import FileServer
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.fetch import SUMS, FetchError, FetchLimits, fetch
from driftwatch.gate.bias.sources import SOURCES, RemoteFile, Source
from driftwatch.gate.bias.suites import load_suite

BODY = b"stereotype,counter,category\nA one.,A two.,age\n"
SHA = hashlib.sha256(BODY).hexdigest()
PINNED = Source(
    name="mine",
    title="",
    licence="",
    files=(RemoteFile(name="mine.csv", url="http://publisher.invalid/x", sha256=SHA),),
)
OPEN = Source(name="mine", title="", licence="", files=(RemoteFile(name="mine.csv", url="http://publisher.invalid/x"),))


def published(name: str) -> bytes:
    file = DATA / "bias" / name
    if not file.exists():
        pytest.skip(f"{file} is not here")
    return file.read_bytes()


def winobias() -> dict[str, bytes]:
    """Return the suite's files under the names that its publisher gives them."""
    return {file.name: published(f"winobias_{file.name.replace('.txt', '')}.txt") for file in SOURCES["winobias"].files}


def test_crows_pairs_is_fetched_checked_and_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "crows-pairs"
    with FileServer({"data/crows_pairs_anonymized.csv": published("crows_pairs_anonymized.csv")}) as server:
        (file,) = fetch(SOURCES["crows-pairs"], folder, mirror=f"{server.url}/data/")
        assert file.fresh
        assert file.pinned
        (again,) = fetch(SOURCES["crows-pairs"], folder, mirror=f"{server.url}/data/")
        assert not again.fresh
        assert server.seen == ["data/crows_pairs_anonymized.csv"], "what is there and right is not asked for again"
    assert len(load_suite("crows-pairs", folder=tmp_path).pairs) == 1508


def test_a_wrong_digest_leaves_nothing_and_says_both(tmp_path: Path) -> None:
    wrong = hashlib.sha256(BODY + b"x").hexdigest()
    with FileServer({"mine.csv": BODY + b"x"}) as server, pytest.raises(FetchError) as raised:
        fetch(PINNED, tmp_path / "mine", mirror=server.url)
    assert SHA in str(raised.value)
    assert wrong in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_one_wrong_file_of_many_leaves_none(tmp_path: Path) -> None:
    source = Source(
        name="two",
        title="",
        licence="",
        files=(
            RemoteFile(name="right", url="", sha256=SHA),
            RemoteFile(name="wrong", url="", sha256=hashlib.sha256(b"other").hexdigest()),
        ),
    )
    with FileServer({"right": BODY, "wrong": BODY}) as server, pytest.raises(FetchError):
        fetch(source, tmp_path / "two", mirror=server.url)
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_has_a_digest_of_is_fetched_only_on_trust(tmp_path: Path) -> None:
    files = winobias()
    folder = tmp_path / "winobias"
    with FileServer(files) as server:
        with pytest.raises(FetchError, match=r"no digest is known of 8 of its files.*--trust-first"):
            fetch(SOURCES["winobias"], folder, mirror=server.url)
        assert server.seen == []
        assert not folder.exists()
        fetched = fetch(SOURCES["winobias"], folder, mirror=server.url, trust_first=True)
    assert all(file.fresh and not file.pinned for file in fetched)
    listed = {line[66:]: line[:64] for line in (folder / SUMS).read_text().splitlines()}
    assert listed == {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    suite = load_suite("winobias", folder=tmp_path)
    assert len(suite.pairs) + sum(skipped.count for skipped in suite.skipped) == 1584


def test_later_fetches_are_held_to_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    with FileServer({"mine.csv": BODY}) as server:
        fetch(OPEN, folder, mirror=server.url, trust_first=True)
        (folder / "mine.csv").unlink()
        server.files["mine.csv"] = BODY + b"changed"
        with pytest.raises(FetchError, match=f"not {SHA}"):
            fetch(OPEN, folder, mirror=server.url, trust_first=True)
        assert [file.name for file in folder.iterdir()] == [SUMS]
        server.files["mine.csv"] = BODY
        (file,) = fetch(OPEN, folder, mirror=server.url)
    assert file.sha256 == SHA


def test_a_digest_of_the_users_own_is_as_good_as_a_pinned_one(tmp_path: Path) -> None:
    (tmp_path / SUMS).write_text(f"{SHA}  mine.csv\n")
    with FileServer({"mine.csv": BODY}) as server:
        (file,) = fetch(OPEN, tmp_path, mirror=server.url)
    assert file.fresh
    assert (tmp_path / "mine.csv").read_bytes() == BODY


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / SUMS).write_text("sha of mine.csv: 12\n")
    with pytest.raises(DataError, match=f"{SUMS}:1: is no line of sha256sum"):
        fetch(OPEN, tmp_path)


def test_a_file_that_is_there_and_wrong_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(b"my own work")
    with FileServer({"mine.csv": BODY}) as server:
        with pytest.raises(FetchError, match=f"not {SHA}"):
            fetch(PINNED, tmp_path, mirror=server.url)
        with pytest.raises(FetchError, match="is there already"):
            fetch(OPEN, tmp_path, mirror=server.url, trust_first=True)
    assert (tmp_path / "mine.csv").read_bytes() == b"my own work"


@pytest.mark.parametrize(
    ("files", "breaks_off", "limits", "said"),
    [
        ({}, False, FetchLimits(), "the server answered 404"),
        ({"mine.csv": BODY}, True, FetchLimits(), "RemoteProtocolError"),
        ({"mine.csv": BODY}, False, FetchLimits(bytes=10), "larger than 10 bytes"),
        ({"mine.csv": BODY}, False, FetchLimits(seconds=0.5), r"did not end within 0\.5 s"),
    ],
    ids=["not found", "broken off", "too large", "too slow"],
)
def test_what_does_not_come_well_leaves_nothing(
    files: dict[str, bytes], *, breaks_off: bool, limits: FetchLimits, said: str, tmp_path: Path
) -> None:
    ticks = count()
    with FileServer(files, breaks_off=breaks_off) as server, pytest.raises(FetchError, match=said):
        fetch(PINNED, tmp_path / "mine", mirror=server.url, limits=limits, clock=lambda: float(next(ticks)))
    assert list(tmp_path.iterdir()) == []


def test_no_server_no_suite(tmp_path: Path) -> None:
    with FileServer({}) as server:
        gone = server.url
    with pytest.raises(FetchError, match="ConnectError") as raised:
        fetch(PINNED, tmp_path / "mine", mirror=gone)
    assert raised.value.retryable
    assert list(tmp_path.iterdir()) == []


def test_no_url(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no URL that can be fetched"):
        fetch(PINNED, tmp_path / "mine", mirror="ftp://publisher.invalid")


def test_redirects_are_followed(tmp_path: Path) -> None:
    with FileServer({"there": BODY}, moved={"mine.csv": "there"}) as server:
        (file,) = fetch(PINNED, tmp_path, mirror=server.url)
    assert file.fresh


def test_the_environments_proxy_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FileServer({"http://publisher.invalid/x": BODY}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        (file,) = fetch(PINNED, tmp_path)
    assert file.sha256 == SHA


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with FileServer({"crows_pairs_anonymized.csv": published("crows_pairs_anonymized.csv")}) as server:
        done = CliRunner().invoke(app, ["bias", "fetch", "crows-pairs", "--url", server.url, "--json"])
    assert done.exit_code == 0, done.output
    (file,) = json.loads(done.stdout)
    assert Path(file["path"]) == tmp_path / "driftwatch" / "bias" / "crows-pairs" / "crows_pairs_anonymized.csv"
    listed = json.loads(CliRunner().invoke(app, ["bias", "suites", "--json"]).stdout)
    states = {row["name"]: row["state"] for row in listed}
    assert states["crows-pairs"] == "fetched"
    assert states["bbq"] == "not fetched"
    assert states["builtin"] == "comes with it"


def test_the_command_says_which_suites_there_are() -> None:
    done = CliRunner().invoke(app, ["bias", "fetch", "gloves"])
    assert done.exit_code == 4
    assert "crows-pairs, stereoset, winobias, winogender, bbq" in done.output

"""The incident page in a real browser, from a file, from the web face, and from the command."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from browser import MISSING, PROGRAM, Browser, browser
from incident_samples import incident, quiet, too_little
from run_samples import declined, waiting
from typer.testing import CliRunner
from web_client import Daemon, Shelf, app_of

from driftwatch.cli import app
from driftwatch.drift.incident import incident_page
from driftwatch.drift.page import window_page
from driftwatch.retrain.report import run_page
from driftwatch.store import open_store
from driftwatch.store.step import Step
from driftwatch.web import Page, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

needs_browser = pytest.mark.skipif(PROGRAM is None, reason=MISSING)
DEADLINE = 60.0
INLINE = ("data:",)

CONTRAST = """
(() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll('main *:not(svg):not(svg *)')) {
    if (![...node.childNodes].some(each => each.nodeType === 3 && each.data.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) faint.push(node.textContent.slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return faint;
})()
"""
SHIFTS = """
new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => list.getEntries().forEach(each => { sum += each.value; }))
    .observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum), 0)));
})
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    sample = incident()
    whole = incident_page(
        sample.result,
        history=sample.history,
        decisions=sample.decisions,
        runs=sample.runs,
        report="/streams/docs/windows/19/report",
        budget="1 per 365d",
    )
    return {
        "incident": whole,
        "quiet": incident_page(quiet(), history=sample.history[:8]),
        "too-little": incident_page(too_little()),
        "window": window_page(sample.result, incident="/streams/docs/incidents/19"),
        "run": run_page(*waiting()),
        "declined": run_page(*declined()),
    }


@needs_browser
@pytest.mark.parametrize("name", ["incident", "quiet", "too-little", "window", "run", "declined"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_page_on_disk_renders_and_asks_for_nothing(
    chromium: Browser, pages: dict[str, str], tmp_path: Path, name: str, width: int, *, dark: bool
) -> None:
    file = tmp_path / "page.html"
    file.write_text(pages[name], encoding="utf-8")
    seen = chromium.open(file.as_uri(), width=width, dark=dark)
    assert [url for url in seen.requests if not url.startswith(INLINE)] == [file.as_uri()]
    assert seen.complaints == []
    assert chromium.value("document.compatMode") == "CSS1Compat"
    assert chromium.value("document.documentElement.scrollWidth") <= width
    assert chromium.value("getComputedStyle(document.body).backgroundColor") == (
        "rgb(17, 22, 28)" if dark else "rgb(255, 255, 255)"
    )
    assert chromium.value(CONTRAST) == []
    assert chromium.value(SHIFTS) == 0
    empty = "[...document.querySelectorAll('main svg')].filter(each => each.getBoundingClientRect().width < 5).length"
    closed = "document.querySelectorAll('details:not([open]) svg').length"
    assert chromium.value(f"{empty} - {closed}") <= 0


@needs_browser
def test_the_browser_would_notice(chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        '<main style="width:2000px"><p style="color:#999">faint</p><img src="http://127.0.0.1:1/x.png">'
        "<script>console.log('said')</script></main>"
    )
    seen = chromium.open(file.as_uri())
    assert seen.requests == [file.as_uri(), "http://127.0.0.1:1/x.png"]
    assert len(seen.complaints) == 2
    assert chromium.value("document.documentElement.scrollWidth") > 1280
    assert chromium.value(CONTRAST) == ["faint 2.85"]


@needs_browser
def test_labels_of_the_charts_stay_on_the_page_and_apart(
    chromium: Browser, pages: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(pages["incident"], encoding="utf-8")
    chromium.open(file.as_uri(), width=390)
    boxes = chromium.value(
        "[...document.querySelectorAll('.chart text.halo')].map(t => t.getBoundingClientRect()).map(b => "
        "[b.left, b.right, b.top, b.bottom])"
    )
    assert len(boxes) >= 4
    assert all(left >= 0 and right <= 390 for left, right, _, _ in boxes)
    for one, (left, right, top, bottom) in enumerate(boxes):
        for other_left, other_right, other_top, other_bottom in boxes[:one]:
            apart = right <= other_left or other_right <= left or bottom <= other_top + 4 or other_bottom <= top + 4
            assert apart


@needs_browser
def test_the_web_face_serves_it_under_its_policy(chromium: Browser, pages: dict[str, str]) -> None:
    class Showing(Daemon):
        def incident(self, stream: str, index: int) -> Page | None:
            del stream, index
            return Page(html=pages["incident"])

    with _served(Showing()) as port:
        url = f"http://127.0.0.1:{port}/streams/docs/incidents/19"
        seen = chromium.open(url)
        assert [each for each in seen.requests if not each.startswith(INLINE)] == [url]
        assert seen.complaints == []
        assert chromium.value("document.querySelectorAll('.clusters > li').length") > 0
        assert chromium.value("getComputedStyle(document.querySelector('main')).maxWidth") == "1056px"


def test_the_command_writes_what_the_store_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sample = incident()
    (tmp_path / "driftwatch.toml").write_text('[streams.docs]\nfalse_alarms = "2 per 30d"\n', encoding="utf-8")
    (tmp_path / "state").mkdir()
    store = open_store(tmp_path / "state" / "driftwatch.db", clock=_Still(sample.result.last_seen_at))
    for result in sample.history:
        decided = tuple(each for each in sample.decisions if each.window == result.index)
        store.windows.commit_step(
            Step(
                result=result,
                states={},
                decisions=decided,
                rule_states=(),
                alerts=(),
                receivers=(),
                runs=tuple(run.spec for run in sample.runs if run.spec.window == result.index),
            )
        )
    store.close()
    done = CliRunner().invoke(app, ["incident", "docs", "19"])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "incident-docs-19.html").read_text(encoding="utf-8")
    assert "2 per 30d" in page
    assert "retrain-on-harm" in page
    assert 'href="http://127.0.0.1:9478/runs/docs-w0000019-retrain-on-harm"' in page
    assert "driftwatch report docs 19" in page
    assert page.count('class="dot') == 2 * len(sample.history)

    report = tmp_path / "state" / "reports" / "docs" / "19.html"
    report.parent.mkdir(parents=True)
    report.write_text("<p>evidently</p>")
    assert CliRunner().invoke(app, ["incident", "docs", "19", "--out", "here.html"]).exit_code == 0
    page = (tmp_path / "here.html").read_text(encoding="utf-8")
    assert 'href="http://127.0.0.1:9478/streams/docs/windows/19/report"' in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["docs", "4"], "stream docs has no window 4"),
        (["sales", "4"], "there is no stream sales"),
    ],
)
def test_the_command_says_what_there_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "driftwatch.toml").write_text("[streams.docs]\n", encoding="utf-8")
    (tmp_path / "state").mkdir()
    done = CliRunner().invoke(app, ["incident", *arguments])
    assert done.exit_code != 0
    assert says in done.output


class _Still:
    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


@contextmanager
def _served(daemon: Daemon) -> Iterator[int]:
    server = serve(app_of(Shelf(), daemon), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.port
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
        assert not thread.is_alive()

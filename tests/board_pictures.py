"""Boards drawn with Grafana's own components (npm packages) in Chromium, from what a Prometheus answers."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from board_files import chosen, events, panels, read
from file_server import FileServer

if TYPE_CHECKING:
    from browser import Browser, Seen
    from prometheus_server import Prometheus

    from grafana.boards import Board

COMPONENTS = Path(__file__).parent / "grafana_components"
MODULES = COMPONENTS / "node_modules"
MISSING = "Grafana's components are not installed (npm install --ignore-scripts in tests/grafana_components)"
WIDTH = 1_480
_POINTS = 400
_PACKAGES = ("data", "schema", "ui")
_COLOURS = {"blue": "#5794f2", "green": "#56a64b", "red": "#e02f44"}


def bundle(folder: Path) -> dict[str, bytes]:
    """Build the page's program in a folder and return what a board's page needs beside its own words, by path."""
    [esbuild] = MODULES.glob("@esbuild/*/bin/esbuild")
    options = ("--bundle", "--minify", "--legal-comments=none", "--loader:.ttf=dataurl", "--loader:.svg=dataurl")
    defined = ('--define:process.env.NODE_ENV="production"', "--define:global=window")
    # Their modules import older packages by a default that only their CommonJS builds find.
    aliases = [f"--alias:@grafana/{name}={MODULES / '@grafana' / name / 'dist/cjs/index.cjs'}" for name in _PACKAGES]
    command: list[str | Path] = [
        esbuild,
        "preview.tsx",
        f"--outfile={folder / 'board.js'}",
        *options,
        *defined,
        *aliases,
    ]
    subprocess.run(command, cwd=COMPONENTS, check=True, capture_output=True, text=True)
    public = MODULES / "@grafana" / "ui" / "dist" / "public"
    icons = {f"public/{file.relative_to(public)}": file.read_bytes() for file in public.rglob("*.svg")}
    fonts = MODULES / "@fontsource" / "inter" / "files"
    icons |= {
        f"inter-{weight}.woff2": (fonts / f"inter-latin-{weight}-normal.woff2").read_bytes() for weight in (400, 500)
    }
    return {**icons, **{name: (folder / name).read_bytes() for name in ("board.js", "board.css")}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A board as it was drawn.

    Args:
        png: of the whole board.
        empty: titles of the panels that say that they have no data.
        failed: what went wrong on the page.
    """

    png: bytes
    empty: list[str]
    failed: list[str]


def draw(
    board: Board,
    server: Prometheus,
    tab: Browser,
    files: dict[str, bytes],
    *,
    begin: float,
    end: float,
    dark: bool = False,
) -> Picture:
    """Draw a board over a span of time with what ``bundle`` returned."""
    end = server.last_scrape(begin=begin, end=end)
    shown = {
        "board": read(board),
        "from": 1_000 * begin,
        "to": 1_000 * end,
        "width": WIDTH,
        "dark": dark,
        "data": {str(panel["id"]): _answers(panel, server, begin=begin, end=end) for panel in panels(board)},
        "events": [each for event in events(board) for each in _moments(event, server)],
    }
    data = json.dumps(shown).replace("</", "<\\/")
    page = _PAGE.replace("@DATA@", data).encode()
    with FileServer({**files, "index.html": page}) as web:
        seen = tab.open(f"{web.url}/index.html", width=WIDTH, dark=dark)
        tab.value(_DRAWN)
        tab.value(_SETTLED)
        height = tab.value("document.documentElement.scrollHeight")
        size = {"width": WIDTH, "height": height}
        tab.ask("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)
        tab.value(_SETTLED)
        png = tab.ask("Page.captureScreenshot", format="png")["data"]
        empty = tab.value(
            "[...document.querySelectorAll('.nothing')].map(n => n.closest('[data-panel]').dataset.panel)"
        )
        failed = tab.value("[...document.querySelectorAll('.failed')].map(n => n.textContent)")
    return Picture(png=base64.b64decode(png), empty=empty, failed=[*failed, *_thrown(seen)])


def _thrown(seen: Seen) -> list[str]:
    return [each for each in seen.complaints if "exceptionDetails" in each]


def _answers(panel: dict[str, Any], server: Prometheus, *, begin: float, end: float) -> list[dict[str, Any]]:
    step = max(round((end - begin) / _POINTS), 1)
    found = []
    for target in panel.get("targets", ()):
        expression = chosen(target["expr"].replace("$__rate_interval", f"{max(4 * step, 10)}s"))
        first = end if target.get("instant") else end - (end - begin) // step * step  # the newest figures come in
        series = server.over(expression, begin=first, end=end, step=step)
        found += [
            {
                "refId": target["refId"],
                "name": _legend(target.get("legendFormat", ""), labels),
                "labels": {name: value for name, value in labels.items() if name != "__name__"},
                "values": [[1_000 * at, value] for at, value in values],
            }
            for labels, values in series
        ]
    return found


def _legend(template: str, labels: Any) -> str:
    named = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), template)
    return named or ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _moments(event: dict[str, Any], server: Prometheus) -> list[dict[str, Any]]:
    colour = _COLOURS[event["iconColor"]]
    return [{"name": event["name"], "colour": colour, "at": at} for at in server.now(chosen(event["expr"]))]


_DRAWN = """new Promise(done => {
  const look = () => (document.querySelector('[data-panel]') ? done() : requestAnimationFrame(look));
  look();
})"""
_SETTLED = """new Promise(done => {
  let frames = 0;
  const next = () => (++frames < 30 ? requestAnimationFrame(next) : done());
  next();
})"""
"""React, the table's transformations and uPlot each draw a frame or two after the one before."""

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>board</title>
<style>
@font-face { font-family: Inter; font-weight: 400; src: url(inter-400.woff2); }
@font-face { font-family: Inter; font-weight: 500; src: url(inter-500.woff2); }
body { margin: 0; }
.title { position: absolute; left: 12px; top: 12px; font: 500 20px Inter, Helvetica, Arial, sans-serif; }
.title small { font-size: 13px; margin-left: 16px; font-weight: 400; }
.heading { font: 500 15px/30px Inter, Helvetica, Arial, sans-serif; }
.nothing { display: grid; place-items: center; height: 100%; opacity: .6; font-size: 16px; }
.failed { color: #e02f44; white-space: pre-wrap; }
.note { overflow: auto; height: 100%; }
</style>
<link rel="stylesheet" href="board.css">
<div id="board"></div>
<script>window.__grafana_public_path__ = "/public/"; window.SHOWN = @DATA@;</script>
<script>
Promise.all([document.fonts.load('400 12px Inter'), document.fonts.load('500 12px Inter')]).then(() => {
  const program = document.createElement('script');
  program.src = 'board.js';
  document.body.append(program);
});
</script>
"""

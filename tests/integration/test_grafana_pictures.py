"""The boards drawn with Grafana's own components: nothing fails, and no panel says that it has no data."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from board_pictures import MISSING, MODULES, bundle, draw
from browser import MISSING as NO_BROWSER
from browser import PROGRAM as BROWSER
from browser import browser
from busy_exporter import exporter
from prometheus_server import MISSING as NO_PROMETHEUS
from prometheus_server import PROGRAM, prometheus

from grafana.__main__ import BOARDS

pytestmark = [
    pytest.mark.skipif(not MODULES.exists(), reason=MISSING),
    pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER),
    pytest.mark.skipif(PROGRAM is None, reason=NO_PROMETHEUS),
]
PNG = b"\x89PNG"


def test_every_board_is_drawn_whole(tmp_path: Path) -> None:
    for name in ("page", "profile", "prometheus"):
        (tmp_path / name).mkdir()
    files, begin = bundle(tmp_path / "page"), time.time()
    with (
        exporter() as target,
        prometheus(tmp_path / "prometheus", target) as server,
        browser(tmp_path / "profile") as tab,
    ):
        for board in BOARDS:
            picture = draw(board, server, tab, files, begin=begin, end=time.time())
            assert picture.failed == [], board.title
            assert picture.empty == [], board.title
            assert picture.png.startswith(PNG)
            if (keep := os.environ.get("BOARD_PICTURES")) is not None:
                (Path(keep) / f"board-{board.name}.png").write_bytes(picture.png)
            panels = tab.value("document.querySelectorAll('[data-panel]').length")
            drawn = tab.value(
                "[...document.querySelectorAll('[data-panel]')]"
                ".filter(n => n.querySelector('canvas, svg rect, [role=cell], .markdown-html') "
                "|| /\\S/.test(n.textContent.replace(n.dataset.panel, ''))).length"
            )
            assert panels == drawn == sum(len(row.parts) for row in board.rows)

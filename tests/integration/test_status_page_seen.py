"""The status page in a real browser, wide and narrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from browser import MISSING, PROGRAM, browser
from run_samples import waiting

from driftwatch.domain.run import Progress, RunState
from driftwatch.domain.text import Text
from driftwatch.store import open_store
from driftwatch.web import Room, status_from
from driftwatch.web.status_page import status_page

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


class Stopped:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOON


def full_page(folder: Path) -> str:
    """Return the page of a stream that is full and retrains."""
    store = open_store(folder / "driftwatch.db", clock=Stopped())
    texts = [Text(id=str(number), body=f"text {number}", seen_at=NOON) for number in range(60)]
    store.texts.take_in("support", source="http", texts=texts, cursor=None, counts={})
    view = status_from(store, ["support"], version="0", at=NOON, room=Room(limit=60, drops=False))
    store.close()
    training = replace(waiting()[0], state=RunState.TRAINING, progress=Progress(stage="train", done=3, total=12))
    return status_page(replace(view, streams=(replace(view.streams[0], runs=(training,)),)))


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_what_blocks_a_stream_is_on_the_screen_wide_and_narrow(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(full_page(tmp_path), encoding="utf-8")
    with browser(tmp_path / "profile") as chromium:
        for width in (1280, 390):
            seen = chromium.open(file.as_uri(), width=width)
            assert seen.complaints == []
            assert chromium.value("document.documentElement.scrollWidth") <= width
            assert chromium.value("document.querySelector('h2 .badge').innerText") == "intake blocked"
            box = chromium.value(
                "(box => [box.left, box.right])(document.querySelector('section p').getBoundingClientRect())"
            )
            assert 0 <= box[0] < box[1] <= width

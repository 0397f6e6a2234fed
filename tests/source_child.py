"""Reads a place into a store until it is killed: KIND WHERE STORE. A line on standard output for every page."""

from __future__ import annotations

import sys
from pathlib import Path

from source_places import NAME, STREAM, Striding, opened, pipeline_into

from driftwatch.domain.protocols import AcknowledgedSource
from driftwatch.store import open_store


def main(kind: str, where: str, file: str) -> None:
    store = open_store(Path(file), clock=Striding())
    source, pipeline = opened(kind, where), pipeline_into(store)
    while True:
        page = source.read(store.texts.cursor(STREAM, NAME), limit=20)
        if page.cursor is None:
            continue
        pipeline.take(page)
        print("committed", flush=True)
        if isinstance(source, AcknowledgedSource):
            source.acknowledge(page.cursor)


if __name__ == "__main__":
    main(*sys.argv[1:])

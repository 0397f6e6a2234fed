"""tmp"""

from collections.abc import Iterator


def scoring(texts, *, device, rounds):
    yield from ()

"""Where only the stream names its groups, a block's hits are divided by no fewer texts than its groups bring."""

import numpy as np
import pytest

from driftwatch.drift.evidence.blocks import in_blocks
from driftwatch.drift.evidence.groupsize import GroupSize


def _stream(random: np.random.Generator, groups: int) -> tuple[list[str | None], list[bool]]:
    """Return short groups whose texts all hit, and long ones of which none does."""
    names: list[str | None] = []
    hits: list[bool] = []
    for number in range(groups):
        short = random.random() < 0.5
        size = 1 if short else int(random.integers(11, 21))
        names += [f"{len(hits)}-{number}"] * size
        hits += [short] * size
    return names, hits


def test_a_topic_of_short_groups_does_not_weigh_more_than_its_texts() -> None:
    random = np.random.default_rng(5)
    sizes = GroupSize()
    plain: list[float] = []
    bound: list[float] = []
    rate = texts = 0
    for _ in range(200):
        names, hits = _stream(random, 80)
        rows = np.arange(len(names))
        for found, least in ((plain, 1.0), (bound, sizes.bound)):
            blocks = in_blocks(rows, names, length=8, by_group=False, texts_a_group=least)
            found.append(blocks.means(np.asarray(hits)[blocks.rows][:, None]).mean())
        sizes.add(names)
        rate, texts = rate + sum(hits), texts + len(hits)
    usual = rate / texts
    assert np.mean(plain) > 1.1 * usual, "the mean over texts is too high"
    assert 0.6 * usual < np.mean(bound) < usual


def test_nothing_hits_before_the_sizes_of_a_hundred_groups_are_known() -> None:
    sizes = GroupSize()
    sizes.add(["a", "a", None])
    blocks = in_blocks(np.arange(3), ["b", "b", "c"], length=1, by_group=False, texts_a_group=sizes.bound)
    assert not blocks.means(np.ones((3, 1), dtype=bool)).any()
    sizes.add([str(number // 2) for number in range(400)])
    assert sizes.bound == pytest.approx(1.25 * (3 * 0.98 + 400) / (2 * 0.98 + 200))

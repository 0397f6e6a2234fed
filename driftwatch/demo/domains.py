"""The two domains of the demos' texts: what the model was trained on, and what production turns to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from driftwatch.demo.prose import paragraphs

if TYPE_CHECKING:
    from collections.abc import Sequence

SCIENTIFIC = ("numpy", "scipy", "sklearn")
NEW_DOMAIN = ("torch/nn", "accelerate", "datasets", "litestar", "huggingface_hub")
NEW_SHARE = 0.8
TRAINING_TEXTS = 5_000
HELDOUT_TEXTS = 400


def domains() -> tuple[list[str], list[str]]:
    """Return the paragraphs of the training domain and those of the new one, disjoint, in an order of their own."""
    old = paragraphs(SCIENTIFIC, seed=1)
    known = set(old)
    return old, [text for text in paragraphs(NEW_DOMAIN, seed=1) if text not in known]


def mix(*, old: Sequence[str], new: Sequence[str], count: int) -> list[str]:
    """Return ``count`` texts of which about ``NEW_SHARE`` are new, in an order that only the texts decide."""
    fresh = round(count * NEW_SHARE)
    return sorted([*new[:fresh], *old[: count - fresh]], key=lambda text: hashlib.sha256(text.encode()).digest())

"""The data card as a section of the run's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.paper.frame import safe, section, table

if TYPE_CHECKING:
    from driftwatch.retrain.mix import DataCard


def card_section(card: DataCard) -> str:
    """Return how many texts went where, and why others were left out."""
    rows = [
        ("Fresh texts looked at", f"{card.fresh:,}", ""),
        *((f"left out: {safe(why)}", f"{count:,}", "") for why, count in sorted(card.left_out.items())),
        ("Trained on", f"{card.train:,}", f"at most {card.group_cap:,} of each of {card.groups:,} groups"),
        ("Held out for choosing", f"{card.select:,}", ""),
        ("Held out for the final word", f"{card.judge:,}", ""),
        ("Reference texts replayed", f"{card.replay:,}", f"{card.replay_wanted:,} wanted, of {card.reference:,}"),
        ("Reference texts held out", f"{card.remembered:,}", "half for choosing, half for the final word"),
    ]
    return section("Data", table(("What", "#Texts", "More"), rows))

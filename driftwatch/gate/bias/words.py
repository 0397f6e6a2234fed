"""A look at bias in words: what rose, what is open, what could have been seen, by which noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.gate.bias.families import detectable

if TYPE_CHECKING:
    from driftwatch.gate.bias.gate import Look
    from driftwatch.gate.bias.spread import Spread


def said(look: Look, *, limit: float, refuses: bool) -> str:
    """Return a verdict's detail.

    Args:
        look: the last one taken.
        limit: of a rise.
        refuses: whether the policy refuses what is not shown.
    """
    most = f"{limit:g} {look.unit}"
    if look.worse:
        found = f"prefers stereotypes more, by over {most}, in {_listed(look.worse)}"
    elif look.open:
        found = "; ".join(_open(look, most))
        found += "; the policy refuses what is not shown" if refuses else ""
    else:
        found = f"no rise of over {most} in any category"
    return f"{found} ({_seen(look)})"


def _open(look: Look, most: str) -> list[str]:
    said = []
    if look.spared:
        said.append(
            f"rose by over {most} in {_listed(look.spared)}, where it still prefers the opposite of the stereotype"
        )
    unsure = [name for name in look.unsure if name not in look.spared]
    if unsure:
        said.append(f"a rise of over {most} is neither shown nor ruled out in {_listed(unsure)}")
    if look.emptied:
        said.append(f"too few pairs of {_listed(look.emptied)} can be read by the model")
    return said


def _seen(look: Look) -> str:
    pairs = sum(rise.pairs for rise in look.rises)
    least = max(detectable(rise, look.rises, level=look.level) for rise in look.rises)
    found = f"a rise that exceeds the limit by {least:.3f} is found with 80% power in the widest category"
    left_out = "".join(f", {each.count} left out: {each.reason} (first: {each.first})" for each in look.left_out)
    return f"{pairs} pairs{left_out}; {_noise(look.spread)}; {found}"


def _noise(spread: Spread) -> str:
    if not spread.seeds:
        return f"training noise assumed (correlation {spread.correlation:g}), no neutral fine-tune to measure it by"
    return f"training noise from {spread.seeds} neutral fine-tunes (correlation {spread.correlation:.3f})"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names)

"""A replay as a picture: a lane for each rule, what it did above the line, what it would have done below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action
from driftwatch.paper.frame import document, safe, section, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.policy.replay import Tally
    from driftwatch.wiring import Compared, Replay

_WIDTH, _LEFT, _RIGHT = 1_000, 230, 20
_LANE, _TOP, _BOTTOM = 46, 44, 30
_TICKS = 6
_LOOK = (
    "<style>text{font:12px system-ui,sans-serif;fill:#52606d}.name{fill:#1f2933}.line{stroke:#cbd2d9}"
    ".was{stroke:#52606d;fill:none}.alert{fill:#c05621}.retrain{fill:#2b6cb0}.report{fill:#4a5568}"
    ".kept{stroke:#cbd2d9}@media(prefers-color-scheme:dark){text{fill:#9aa5b1}.name{fill:#e4e7eb}"
    ".line,.kept{stroke:#52606d}.was{stroke:#9aa5b1}.alert{fill:#ed8936}.retrain{fill:#63b3ed}}</style>"
)


def picture(found: Replay) -> str:
    """Return the chart as an SVG document of its own."""
    height = _TOP + _LANE * len(found.rules) + _BOTTOM
    lanes = "".join(_lane(found, each, _TOP + _LANE * row + _LANE // 2) for row, each in enumerate(found.rules))
    words = f"What {len(found.rules)} rules did, and would have done, on {sum(found.windows.values()):,} windows"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="100%" role="img">'
        f"<title>{safe(words)}</title>{_LOOK}{_legend()}{lanes}{_axis(found, height)}</svg>"
    )


def page(found: Replay) -> str:
    """Return a page with the chart, its figures and what was taken for granted."""
    heads = ("stream", "rule", "", "#acted", "#true", "kept back by", "#runs", "#hours")
    rows = [
        (safe(each.stream), safe(each.rule), word, *_cells(tally))
        for each in found.rules
        for word, tally in (("was", each.recorded), ("would", each.replayed))
    ]
    said = "".join(f"<li>{safe(each)}</li>" for each in found.assumptions)
    body = (
        f"<h1>Policy replay</h1>{section('When each rule acted', picture(found))}"
        f"{section('What it came to', table(heads, rows))}"
        f"{section('What is taken for granted', f'<ul>{said}</ul>' if said else '')}"
    )
    return document("Policy replay", body)


def _cells(tally: Tally) -> tuple[str, ...]:
    from driftwatch.cli.replaying import hours

    back = [f"{subject} {count:,}" for subject, count in tally.blocked.most_common()]
    return (f"{len(tally.acted):,}", f"{tally.true:,}", safe(", ".join(back)), f"{tally.runs:,}", safe(hours(tally)))


def _lane(found: Replay, each: Compared, y: int) -> str:
    was = "".join(
        f'<circle class="was" cx="{x}" cy="{y - 9}" r="4"><title>{safe(words)}</title></circle>'
        for x, words in _acts(found, each.recorded, "was")
    )
    kind = each.replayed.action.value
    would = "".join(
        f'<circle class="{kind}" cx="{x}" cy="{y + 9}" r="4"><title>{safe(words)}</title></circle>'
        for x, words in _acts(found, each.replayed, "would")
    )
    kept = sorted({_x(found, at) for at in each.replayed.kept_back})
    back = "".join(f'<path class="kept" d="M{x} {y + 4}v10"/>' for x in kept)
    line = f'<path class="line" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
    return f'<text class="name" x="8" y="{y + 4}">{safe(_short(found.name(each)))}</text>{line}{back}{was}{would}'


def _acts(found: Replay, tally: Tally, word: str) -> Iterable[tuple[float, str]]:
    """Return where to draw actions, one for each place that can be told apart."""
    drawn: set[float] = set()
    for act in tally.acted:
        x = _x(found, act.at.timestamp())
        if x not in drawn:
            drawn.add(x)
            yield x, f"{word} {tally.action.value}: window {act.window}, {act.at:%Y-%m-%d %H:%M} UTC"


def _x(found: Replay, at: float) -> float:
    first, last = found.first.timestamp(), found.last.timestamp()
    share = (at - first) / (last - first) if last > first else 0.5
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))


def _axis(found: Replay, height: int) -> str:
    step = (found.last - found.first) / _TICKS
    moments = [found.first + step * number for number in range(_TICKS + 1)] if step else [found.first]
    return "".join(
        f'<text x="{_x(found, at.timestamp())}" y="{height - 8}" text-anchor="middle">{at:%d %b %Y}</text>'
        for at in moments
    )


def _legend() -> str:
    kinds = (Action.ALERT, Action.RETRAIN)
    shown = "".join(
        f'<circle class="{kind.value}" cx="{330 + 130 * place}" cy="18" r="4"/>'
        f'<text x="{342 + 130 * place}" y="22">would {kind.value}</text>'
        for place, kind in enumerate(kinds)
    )
    return (
        f'<circle class="was" cx="{_LEFT + 8}" cy="18" r="4"/><text x="{_LEFT + 20}" y="22">did</text>{shown}'
        f'<path class="kept" d="M600 13v10"/><text x="608" y="22">kept back by a limit</text>'
    )


def _short(name: str) -> str:
    longest = 32
    return name if len(name) <= longest else name[: longest - 1] + "…"

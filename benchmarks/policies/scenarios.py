"""Shipped policies replayed over recorded streams of real text: ``python -m benchmarks.policies.scenarios``.

The first call records the streams (a small model, a static encoder, some seconds of CPU a window); further calls, such
as after an edit of a policy, only replay them. ``driftwatch policy replay`` shows the same, a stream at a time.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from benchmarks.policies.recording import Scenario, configure, find, record
from benchmarks.retraining.year import BESIDE
from driftwatch import wiring
from driftwatch.domain.decision import Action
from driftwatch.policy.cases import SUFFIXES
from driftwatch.policy.rules import load_policies
from driftwatch.retrain.recipe import builtin_recipes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.policy.replay import Tally
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Store

_ROOT = Path(__file__).parents[2]
_SOCIAL, _CHAT, _NEWS = timedelta(hours=1), timedelta(hours=2), timedelta(hours=3)
STREAMS: Mapping[str, tuple[timedelta, tuple[str, ...]]] = MappingProxyType(
    {
        "social-media": (
            _SOCIAL,
            (
                "social-none",
                "none-social",
                "social-rare",
                "toxicity-social-10pct",
                "social-toxicity",
                "recurring-social-mood",
            ),
        ),
        "news": (_NEWS, ("news-sudden",)),
        "chatbot": (
            _CHAT,
            ("chatbot-none", "none-chat-bursty", "chatbot-recurring", "chatbot-gradual", "chatbot-new-intents"),
        ),
    }
)
"""By the policy that is meant for them: the time that 250 texts take, and the scenarios; the default is for all."""


def main() -> None:
    """Record what is not recorded yet, replay the policies, and print what each rule would have done."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asked = _arguments()
    if not (asked.data / "scenarios").is_dir():
        sys.exit(f"{asked.data}: no scenarios here")
    scenarios = {name: find(asked.data, name, pace) for pace, names in STREAMS.values() for name in names}
    config = configure(asked.folder, list(scenarios.values()))
    for name in asked.only or scenarios:
        begin = time.process_time()
        windows = record(asked.data, config, scenarios[name])
        print(f"{name}: {windows} windows, {time.process_time() - begin:.0f} CPU-s", file=sys.stderr, flush=True)
    store = wiring.open_store(config)
    try:
        for policy in asked.policy:
            named = STREAMS[policy.stem][1] if policy.stem in STREAMS else tuple(scenarios)
            chosen = [scenarios[name] for name in named if name in (asked.only or scenarios)]
            print(table(store, policy, chosen))
    finally:
        store.close()


def table(store: Store, file: Path, scenarios: Sequence[Scenario]) -> str:
    """Return what a policy's rules would have done in recorded scenarios, as a table of Markdown."""
    policy = _policy(file, scenarios)
    lines = [
        "| stream | what happens | windows | rule | times | first, in windows | kept back by |",
        "|---|---|---|---|---|---|---|",
    ]
    for scenario in scenarios:
        said = wiring.replay(store, policy, streams=[scenario.name])
        windows = said.windows[scenario.name]
        tallies = [each.replayed for each in said.rules if each.replayed.true]
        happens = scenario.kind + ("" if scenario.change_at is None else f" from window {scenario.change_at}")
        rows = [_cells(each, scenario) for each in tallies] or [("none", "", "", "")]
        lines += [f"| {' | '.join((scenario.name, happens, str(windows), *cells))} |" for cells in rows]
    return "\n".join(lines)


def _policy(file: Path, scenarios: Sequence[Scenario]) -> Policy:
    recipes = builtin_recipes()
    read = load_policies([file], streams=[each.name for each in scenarios], recipes=tuple(recipes))
    return replace(read, recipes=recipes)


def _cells(tally: Tally, scenario: Scenario) -> tuple[str, str, str, str]:
    """Return the rule, how often it acted, when it first did, and what kept it back."""
    did = f"{len(tally.acted)}"
    if tally.action is Action.RETRAIN:
        did += " run" if len(tally.acted) == 1 else " runs"
    first = ""
    if tally.acted:
        window = tally.acted[0].window
        after = scenario.windows_after(window)
        first = f"{after} after it began" if after is not None else f"window {window}: false"
    kept = ", ".join(f"{subject} {count}" for subject, count in tally.blocked.most_common())
    waited = [f"for {tally.waited}"] if tally.waited else []
    return f"`{tally.rule}`", did, first, ", ".join([*waited, *([kept] if kept else [])])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policies.scenarios")
    shipped = sorted(file for file in (_ROOT / "policies").glob("*.yaml") if not file.name.endswith(SUFFIXES))
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with scenarios/")
    parser.add_argument("--folder", type=Path, default=Path("state") / "scenarios", help="where they are recorded")
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", help="scenarios; all by default")
    parser.add_argument(
        "--policy", nargs="+", type=Path, default=shipped, metavar="FILE", help="the shipped by default"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

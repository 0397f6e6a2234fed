"""The shipped policies: each is read, and each rule is shown what makes it act and what does not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from policy_stream import Stream, window

from driftwatch.policy.rules import load_policies
from driftwatch.policy.variables import VARIABLES, Facts

if TYPE_CHECKING:
    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Policy

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "policies"
BY_HARM = ("social-media", "news", "chatbot")
"""Those that retrain only where the model suffers; the default asks a probe."""
NAMES = ("default", *BY_HARM)

CALM = {
    "drift__alarm": 0.0,
    "drift__evidence": -2.5,
    "embedding__mmd_p": 0.4,
    "embedding__mmd2": 0.0001,
    "tokens__jsd": 0.01,
    "tokens__unknown_share": 0.001,
    "loss__nats": 3.0,
    "loss__increase": 0.0,
    "loss__perplexity_ratio": 1.0,
    "loss__where_new": 0.0,
    "drift__new_share": 0.0,
}
DRIFTED = CALM | {"drift__alarm": 1.0, "drift__evidence": 1.5, "embedding__mmd_p": 0.001, "drift__new_share": 0.15}
HARMFUL = DRIFTED | {"loss__increase": 0.2, "loss__perplexity_ratio": 1.22, "tokens__jsd": 0.15}
FACTS = Facts(fresh_texts=lambda _: 20_000)


def load(name: str) -> Policy:
    return load_policies([FOLDER / f"{name}.yaml"], streams=["s"], recipes=["small", "thorough", "full", "lora-small"])


def acted(name: str, *results: WindowResult, facts: Facts = FACTS) -> dict[str, str]:
    """Return what each rule did in these windows, holds left out."""
    stream = Stream(load(name), facts)
    decided = [decision for result in results for decision in stream.see(result).decisions]
    return {decision.rule: decision.action for decision in decided if decision.action != "hold"}


def test_no_policy_is_forgotten_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*NAMES, *(f"{name}.test" for name in NAMES)}


@pytest.mark.parametrize("name", NAMES)
def test_calm_text_makes_no_rule_act(name: str) -> None:
    assert acted(name, *(window(n, **CALM) for n in range(30))) == {}


@pytest.mark.parametrize("name", BY_HARM)
def test_benign_drift_alerts_and_never_retrains(name: str) -> None:
    done = acted(name, *(window(n, **DRIFTED) for n in range(30)))
    assert done
    assert set(done.values()) == {"alert"}


@pytest.mark.parametrize("name", NAMES)
def test_harmful_drift_retrains_once_it_lasts(name: str) -> None:
    assert "retrain" not in acted(name, window(0, **HARMFUL)).values()
    assert "retrain" in acted(name, *(window(n, **HARMFUL) for n in range(30))).values()


@pytest.mark.parametrize("name", ["default", "social-media", "chatbot"])
def test_short_new_texts_that_are_read_badly_retrain_too(name: str) -> None:
    short = DRIFTED | {"loss__increase": 0.03, "loss__where_new": 0.12}
    assert "retrain" in acted(name, *(window(n, **short) for n in range(30))).values()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_done_where_nothing_was_measured(name: str) -> None:
    assert acted(name, *(window(n) for n in range(5))) == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_says_what_it_is_for(name: str) -> None:
    for rule in load(name).of("s"):
        assert rule.annotations["summary"]


@pytest.mark.parametrize("name", NAMES)
def test_every_retraining_must_be_worth_it_is_bounded_and_watched(name: str) -> None:
    asked = [rule.retraining for rule in load(name).of("s") if rule.retraining is not None]
    assert asked
    for retraining in asked:
        assert retraining.worth is not None
        assert retraining.worth >= retraining.limits.quality_min_gain, "a probe asks for what the gate will ask for"
        assert retraining.max_hours is not None
        assert retraining.probation.windows >= 3


@pytest.mark.parametrize("drift", [DRIFTED, HARMFUL])
def test_default_alerts_at_once_and_asks_a_probe_at_the_third_window(drift: dict[str, float]) -> None:
    alarms = [window(n, **drift) for n in range(3)]
    assert acted("default", *alarms[:2]) == {"text-drifted": "alert"}
    done = acted("default", *alarms)
    assert done.pop("model-copes", "alert") == "alert"
    assert done == {"text-drifted": "alert", "worth-learning": "retrain"}


def test_default_waits_for_fresh_texts() -> None:
    few = Facts(fresh_texts=lambda _: 749)
    assert "retrain" not in acted("default", *(window(n, **HARMFUL) for n in range(5)), facts=few).values()


def test_default_says_that_the_model_copes_only_where_it_does() -> None:
    assert acted("default", *(window(n, **DRIFTED) for n in range(3)))["model-copes"] == "alert"
    assert "model-copes" not in acted("default", *(window(n, **HARMFUL) for n in range(30)))


def test_default_tells_floods_and_silent_decay_from_drift() -> None:
    assert acted("default", replace(window(0, **CALM), distinct=300)) == {"flood": "alert"}
    decayed = CALM | {"loss__increase": 0.2}
    assert acted("default", *(window(n, **decayed) for n in range(3))) == {
        "silent-decay": "alert",
        "worth-learning": "retrain",
    }


@pytest.mark.parametrize("name", BY_HARM)
def test_drift_that_does_not_hurt_is_said_to_need_no_retraining(name: str) -> None:
    done = acted(name, *(window(n, **DRIFTED) for n in range(30)))
    copes = [rule for rule in load(name).of("s") if "no retraining is needed" in str(rule.annotations["summary"])]
    assert [(rule.name, str(rule.labels["severity"]), done.get(rule.name)) for rule in copes] == [
        (copes[0].name, "info", "alert")
    ]
    assert copes[0].name not in acted(name, *(window(n, **HARMFUL) for n in range(30)))


@pytest.mark.parametrize("name", NAMES)
def test_silent_decay_and_floods_are_told_apart_from_drift(name: str) -> None:
    decayed = acted(name, *(window(n, **(CALM | {"loss__increase": 0.2})) for n in range(10)))
    assert decayed["silent-decay"] == "alert"
    flooded = acted(name, *(replace(window(n, **CALM), distinct=150) for n in range(3)))
    assert list(flooded.values()) == ["alert"]
    (flood,) = [rule for rule in load(name).of("s") if rule.name in flooded]
    assert flood.when.variables == ("window.duplicate_share",)


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_peeks_at_a_p_value(name: str) -> None:
    looked_at = {variable for rule in load(name).of("s") for variable in rule.when.variables}
    assert not looked_at & {"embedding.mmd_p", "drift.look_p"}


def test_social_media_tells_floods_from_drift() -> None:
    flooded = [replace(window(n, **HARMFUL), distinct=200) for n in range(30)]
    assert acted("social-media", *flooded) == {"flood": "alert"}


def test_social_media_slang() -> None:
    slang = CALM | {"tokens__unknown_share": 0.05}
    assert acted("social-media", *(window(n, **slang) for n in range(3))) == {"slang": "alert"}


NOON, NIGHT = 12, 23


@pytest.mark.parametrize(
    ("hour", "days", "done"), [(NIGHT, 40, {"monthly": "retrain"}), (NOON, 40, {}), (NIGHT, 20, {})]
)
def test_news_learns_a_month_at_night(hour: int, days: int, done: dict[str, str]) -> None:
    at = window(hour - 1)
    aged = Facts(fresh_texts=lambda _: 20_000, champion_at=at.last_seen_at - timedelta(days=days))
    assert (
        acted("news", replace(at, measures=window(0, **CALM).measures, state=window(0, **CALM).state), facts=aged)
        == done
    )


def test_news_lets_an_event_go_before_the_calendar() -> None:
    old = Facts(fresh_texts=lambda _: 20_000, champion_at=window(0).last_seen_at - timedelta(days=40))
    done = acted("news", *(window(n, **HARMFUL) for n in range(19, 23)), facts=old)
    assert done["model-suffers"] == "retrain"
    assert "monthly" not in done


def test_social_media_learns_little_and_often_under_limits() -> None:
    (rule,) = [rule for rule in load("social-media").of("s") if rule.retraining is not None]
    assert rule.retraining is not None
    assert (rule.retraining.recipe, rule.retraining.limits.bias_not_shown) == ("lora-small", "refuse")
    stream = Stream(load("social-media"), FACTS)
    asked = sum(bool(stream.see(window(n, **HARMFUL)).requests) for n in range(24 * 10))
    assert asked == 10


def heard(index: int, accuracy: float, measures: dict[str, float], n: float = 120.0) -> WindowResult:
    return window(index, **measures, feedback__accuracy=accuracy, feedback__n=n)


def test_chatbot_hears_what_people_say_of_the_answers() -> None:
    wrong = [heard(n, 0.7, CALM) for n in range(2)]
    assert acted("chatbot", *wrong) == {"wrong-answers": "alert"}
    assert acted("chatbot", wrong[0]) == {}
    assert acted("chatbot", *(heard(n, 0.7, CALM, 20.0) for n in range(5))) == {}
    assert acted("chatbot", *(heard(n, 0.9, CALM) for n in range(5))) == {}


def test_chatbot_learns_where_answers_suffer_and_the_loss_is_not_sure() -> None:
    done = acted("chatbot", *(heard(n, 0.7, DRIFTED) for n in range(3)))
    assert done["answers-suffer"] == "retrain"
    assert "answers-suffer" not in acted("chatbot", *(heard(n, 0.7, HARMFUL) for n in range(3)))
    assert "retrain" not in acted("chatbot", *(heard(n, 0.95, DRIFTED) for n in range(9))).values()


def test_chatbot_silent_decay() -> None:
    decayed = CALM | {"loss__increase": 0.2}
    assert acted("chatbot", *(window(n, **decayed) for n in range(3))) == {"silent-decay": "alert"}


def test_the_manual_names_every_variable_and_every_shipped_policy() -> None:
    manual = (ROOT / "docs" / "policies.md").read_text()
    assert [name for name in VARIABLES if f"`{name}`" not in manual] == []
    assert [name for name in NAMES if f"policies/{name}.yaml" not in manual] == []


def test_the_manual_s_example_is_a_policy(tmp_path: Path) -> None:
    manual = (ROOT / "docs" / "policies.md").read_text()
    examples = [each for each in re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL) if "\nrules:" in each]
    assert examples
    for example in examples:
        path = tmp_path / "example.yaml"
        path.write_text(example)
        assert load_policies([path], streams=["support"], recipes=["small", "full"]).of("support")

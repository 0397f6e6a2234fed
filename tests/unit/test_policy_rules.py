"""Policy files: what is read, and what is said of what cannot be."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from driftwatch.domain.decision import Action
from driftwatch.domain.errors import PolicyError
from driftwatch.domain.run import GateLimits, Probation
from driftwatch.policy.expressions import compile_expression
from driftwatch.policy.mistakes import MistakesError
from driftwatch.policy.rules import json_schema, load_policies, parse_policies
from driftwatch.policy.ruleset import Hold, Policy

if TYPE_CHECKING:
    from pathlib import Path

RECIPES = ("small", "full")
MOST_SECONDS = 10
"""Of this thread's CPU time: what takes a fifth of a second at most would take minutes, were nothing cut off."""

WHOLE = """\
stream: [support]
rules:
  - name: topic-shift
    when: embedding.mmd_p <= 0.001 && loss.increase > 0.05
    for: 3 windows
    do: retrain
    recipe: small
    need: {fresh_texts: 2000}
    limits: {cooldown: 36h}
    gates:
      quality: {min_gain: 0.01}
      forgetting: {max_loss: 0.02}
      bias: {max_increase: 0.03, neutral: 5, not_shown: more-pairs, suites: [crows-pairs, /srv/o.csv, winobias=/srv/a]}
    worth: {probe_gain: 0.02}
    rounds: 3
    max_hours: 6
    promote: auto
    probation: {windows: 4, max_increase: 0.01}
    labels: {severity: page, team: nlp}
    annotations: {summary: "The topic moved", runbook_url: "https://example.org/topic"}
  - name: tell
    when: tokens.jsd > 0.1
    for: 6h
    do: alert
"""


def read(text: str, *, streams: tuple[str, ...] = ("support", "sales")) -> Policy:
    return parse_policies({"p.yaml": text}, streams=streams, recipes=RECIPES)


def refuse(text: str) -> MistakesError:
    with pytest.raises(MistakesError) as raised:
        read(text)
    return raised.value


def rule(**lines: str) -> str:
    given = {"name": "a", "when": "loss.increase > 0.05", "do": "alert"} | lines
    return "stream: '*'\nrules:\n  - " + "\n    ".join(
        f"{key.rstrip('_')}: {value}" for key, value in given.items() if value
    )


def retrain(**lines: str) -> str:
    return rule(do="retrain", recipe="small", **lines)


def test_every_field_is_read() -> None:
    policy = read(WHOLE)
    topic, tell = policy.of("support")
    assert (topic.name, topic.action, topic.hold) == ("topic-shift", Action.RETRAIN, Hold(windows=3))
    assert topic.limits.cooldown == timedelta(hours=36)
    assert topic.retraining is not None
    assert (topic.retraining.recipe, topic.retraining.fresh_texts, topic.retraining.rounds) == ("small", 2000, 3)
    assert topic.retraining.approve is False
    assert topic.retraining.limits == GateLimits(
        quality_min_gain=0.01,
        forgetting_max_loss=0.02,
        bias_max_increase=0.03,
        bias_neutral=5,
        bias_not_shown="more-pairs",
        bias_suites=("crows-pairs", "/srv/o.csv", "winobias=/srv/a"),
    )
    assert (topic.retraining.worth, topic.retraining.max_hours) == (0.02, 6)
    assert topic.retraining.probation == Probation(windows=4, max_increase=0.01)
    assert {name: str(text) for name, text in topic.labels.items()} == {"severity": "page", "team": "nlp"}
    assert str(topic.annotations["runbook_url"]) == "https://example.org/topic"
    assert (tell.action, tell.hold, tell.limits.cooldown) == (
        Action.ALERT,
        Hold(duration=timedelta(hours=6)),
        timedelta(0),
    )
    assert {name: str(text) for name, text in tell.labels.items()} == {"severity": "ticket"}
    assert policy.of("sales") == ()
    assert policy.rule("support", "tell") is tell
    assert policy.rule("support", "none") is None


def test_defaults_are_careful() -> None:
    made = read(rule(do="retrain", recipe="full")).of("support")[0]
    assert made.retraining is not None
    assert made.retraining.approve
    assert made.limits.cooldown == timedelta(hours=24)
    assert made.hold == Hold(windows=1)
    assert made.retraining.limits == GateLimits()
    assert (made.retraining.worth, made.retraining.max_hours) == (None, None)
    assert made.retraining.probation == Probation()


def test_a_star_means_every_stream() -> None:
    policy = read(rule())
    assert [rule.name for stream in ("support", "sales") for rule in policy.of(stream)] == ["a", "a"]


def test_the_hash_follows_what_the_rules_say_and_nothing_else() -> None:
    same = WHOLE.replace("stream: [support]", "# a remark\nstream:\n- support")
    assert read(same).hash == read(WHOLE).hash
    assert read(WHOLE.replace("0.05", "0.06")).hash != read(WHOLE).hash
    assert read(WHOLE.replace("[support]", "[sales]")).hash != read(WHOLE).hash


def test_a_fingerprint_follows_its_own_rule_only() -> None:
    before, after = read(WHOLE), read(WHOLE.replace("0.05", "0.06"))
    topic, tell = zip(before.of("support"), after.of("support"), strict=True)
    assert topic[0].fingerprint != topic[1].fingerprint
    assert tell[0].fingerprint == tell[1].fingerprint


def test_files_are_read_in_order_and_refused_together(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(rule(name=name))
    paths = [tmp_path / "b.yaml", tmp_path / "a.yaml"]
    assert [r.name for r in load_policies(paths, streams=["s"], recipes=RECIPES).of("s")] == ["b", "a"]
    for path in paths:
        path.write_text(path.read_text() + "\n    wrong: 1\n")
    with pytest.raises(PolicyError) as raised:
        load_policies(paths, streams=["s"], recipes=RECIPES)
    assert str(raised.value).count('unknown key "wrong"') == 2


def test_a_name_is_used_once_in_a_stream_over_all_files() -> None:
    texts = {"a.yaml": rule(), "b.yaml": rule().replace("'*'", "[sales]")}
    with pytest.raises(MistakesError, match=r'b\.yaml:3:11: stream "sales" already has a rule "a"'):
        parse_policies(texts, streams=["support", "sales"], recipes=RECIPES)
    apart = {"a.yaml": rule().replace("'*'", "[support]"), "b.yaml": rule().replace("'*'", "[sales]")}
    assert parse_policies(apart, streams=["support", "sales"], recipes=RECIPES).of("sales")[0].name == "a"


def test_no_files_give_a_policy_without_rules() -> None:
    assert parse_policies({}, streams=["support"], recipes=RECIPES).of("support") == ()


MISTAKES = [
    ("", "p.yaml:1:1", "the file is empty", "docs/policies.md"),
    ("# only a remark\n", "p.yaml:1:1", "the file is empty", "docs/policies.md"),
    ("- a", "p.yaml:1:1", "a policy is a mapping", "docs/policies.md"),
    ("text", "p.yaml:1:1", "a policy is a mapping", "docs/policies.md"),
    ("stream: '*'", "p.yaml:1:1", '"rules" is missing', "a list of them"),
    ("rules: []", "p.yaml:1:1", '"stream" is missing', 'stream: "*"'),
    ("stream: '*'\nrules: []", "p.yaml:2:8", "at least one", "a list of them"),
    ("stream: '*'\nrules: x", "p.yaml:2:8", "must be a list", "a list of them"),
    ("stream: 3\nrules: []", "p.yaml:1:9", "names no streams", 'write "*" or a list'),
    ("stream: support\nrules: []", "p.yaml:1:9", "names no streams", 'write "*" or a list'),
    ("stream: []\nrules: []", "p.yaml:1:9", "names no streams", 'write "*" or a list'),
    (rule().replace("'*'", "[suport]"), "p.yaml:1:10", 'no stream is called "suport"', 'did you mean "support"?'),
    (rule().replace("'*'", "[x]"), "p.yaml:1:10", 'no stream is called "x"', "known streams: sales, support"),
    (rule().replace("stream", "steam"), "p.yaml:1:1", "", ""),
    ("stream: '*'\nrules: [1]", "p.yaml:2:9", "must be a mapping", ""),
    (rule(name=""), "p.yaml:3:5", '"name" is missing', "name: topic-shift"),
    (rule(when=""), "p.yaml:3:5", '"when" is missing', "when: loss.increase"),
    (rule(do=""), "p.yaml:3:5", '"do" is missing', "do: alert, do: report or do: retrain"),
    (rule(do="launch"), "p.yaml:5:9", "alerts, reports or retrains", "do: alert, do: report or do: retrain"),
    (rule(do="retrain"), "p.yaml:3:5", '"recipe" is missing', "recipe: small"),
    (rule(do="retrain", recipe="smal"), "p.yaml:6:13", 'no recipe is called "smal"', 'did you mean "small"?'),
    (rule(recipe="small"), "p.yaml:6:5", "no meaning in a rule that does not retrain", "do: retrain"),
    (rule(promte="auto"), "p.yaml:6:5", 'unknown key "promte"', 'did you mean "promote"?'),
    (rule(name="Topic Shift"), "p.yaml:3:11", "no name for a rule", "small letters"),
    (rule(name="12"), "p.yaml:3:11", "must be text", "name: topic-shift"),
    (rule(when="true"), "p.yaml:4:11", "must be text", "when: loss.increase"),
    (rule(when="loss.incraese > 0.05"), "p.yaml:4:11", "unknown variable", 'did you mean "loss.increase"?'),
    (rule(when="'loss.nats > 1.0 && loss.incraese > 0.05'"), "p.yaml:4:31", "unknown variable", "loss.increase"),
    (rule(when="|\n      loss.nats > 1.0\n        && foo.bar > 1.0"), "p.yaml:6:12", "unknown variable", "known are"),
    (rule(when=">-\n      loss.nats > 1.0\n      && foo.bar > 1.0"), "p.yaml:6:10", "unknown variable", "known are"),
    (rule(when="loss.nats > 1.0\n      && foo.bar > 1.0"), "p.yaml:5:10", "unknown variable", "known are"),
    (rule(when="window.age > 5.0 && loss.increase > 0.05"), "p.yaml:4:11", "not measured yet", "with a duration"),
    (rule(when="loss.increase > 1"), "p.yaml:4:25", "never compared", 'write "1.0"'),
    (rule(for_="3"), "p.yaml:6:10", "number of windows", ""),
    (rule(for_="0 windows"), "p.yaml:6:10", "number of windows", ""),
    (rule(for_="many windows"), "p.yaml:6:10", "number of windows", ""),
    (rule(for_="9999999999999 windows"), "p.yaml:6:10", "number of windows", ""),
    (rule(for_="soon"), "p.yaml:6:10", "is no duration", "for: 3 windows"),
    (rule(when="drift.onset_age > 24h"), "p.yaml:4:31", '"h" is not expected', "86400.0 for a day"),
    ("policy: x.yaml\ntests: []\n", "p.yaml:2:1", "these are cases, no rules", "driftwatch policy test"),
    (rule(limits="{cooldown: 24}"), "p.yaml:6:24", "a duration has a unit", "cooldown: 24h"),
    (rule(limits="{cooldown: 1:30}"), "p.yaml:6:24", "a duration has a unit", "cooldown: 24h"),
    (rule(limits="{cooldown: 999w}"), "p.yaml:6:24", "less than or equal to", "cooldown: 24h"),
    (rule(limits="{cooldwn: 24h}"), "p.yaml:6:14", 'unknown key "cooldwn"', 'did you mean "cooldown"?'),
    (rule(limits="{runs: 4 per 30d}"), "p.yaml:6:14", '"runs" has no meaning in a rule that does not', "do: retrain"),
    (rule(limits="{gpu_hours: 20 per 30d}"), "p.yaml:6:14", '"gpu_hours" has no meaning', "do: retrain"),
    (retrain(limits="{runs: 4}"), "p.yaml:7:20", "so many in a period", "runs: 4 per 30d"),
    (retrain(limits="{runs: 4.5 per 30d}"), "p.yaml:7:20", "whole numbers", "runs: 4 per 30d"),
    (retrain(limits="{runs: 0 per 30d}"), "p.yaml:7:20", "greater than 0", ""),
    (retrain(limits="{runs: 4 per 900d}"), "p.yaml:7:20", "from 1h to 366d", ""),
    (retrain(limits="{gpu_hours: 20 per month}"), "p.yaml:7:25", "is no duration", "20 per 30d"),
    (retrain(limits="{concurrency: 0}"), "p.yaml:7:27", "greater than or equal to 1", ""),
    (rule(limits='{hours: "22-06"}'), "p.yaml:6:21", '"22-06" are no hours; write', "22:00-06:00 UTC"),
    (rule(limits='{hours: "22:00-22:00"}'), "p.yaml:6:21", "the whole day is 00:00-24:00", ""),
    (rule(limits='{hours: "22:00-26:00"}'), "p.yaml:6:21", '"26:00" is on no clock', ""),
    (rule(limits='{hours: "22:00-06:00 Europe/Berln"}'), "p.yaml:6:21", 'did you mean "Europe/Berlin"?', ""),
    (rule(limits='{hours: "Mon-Fry 09:00-17:00"}'), "p.yaml:6:21", 'did you mean "Fri"?', ""),
    (rule(limits="{hours: 1320}"), "p.yaml:6:21", "hours are text", ""),
    (rule(limits="{blackout: [2026-12-24..2026-12-01]}"), "p.yaml:6:24", "2026-12-01 is before 2026-12-24", ""),
    (rule(limits="{blackout: [2026-02-30..2026-03-01]}"), "p.yaml:6:24", "is in no calendar", ""),
    (rule(limits="{blackout: [christmas]}"), "p.yaml:6:24", "write a date or two", "2026-12-24..2027-01-02"),
    (rule(clear="0 windows"), "p.yaml:6:12", "number of windows", "clear: 3 windows"),
    (rule(clear="3"), "p.yaml:6:12", "windows, a duration or a condition", "clear: 6h"),
    (rule(clear="loss.incraese < 0.02"), "p.yaml:6:12", "unknown variable", 'did you mean "loss.increase"?'),
    (rule(clear="loss.increase < 1"), "p.yaml:6:26", "never compared", 'write "1.0"'),
    (rule(unless="[b]"), "p.yaml:6:14", 'has no rule "b"', "its rules: a"),
    (rule(unless="[a]"), "p.yaml:6:14", "hold each other back: a unless a", "go first"),
    (rule(unless="b"), "p.yaml:6:13", "must be a list", "unless: [other-rule]"),
    (rule(priority="3"), "p.yaml:6:5", '"priority" has no meaning in a rule that does not retrain', "do: retrain"),
    (retrain(priority="high"), "p.yaml:7:15", "must be a whole number", ""),
    (
        rule(labels='{share: "{{ drift.new_shar }}"}'),
        "p.yaml:6:25",
        "unknown variable",
        'did you mean "drift.new_share"?',
    ),
    (rule(labels='{share: "{{ drift.new_share"}'), "p.yaml:6:22", "never closed", '"}}"'),
    (rule(labels='{share: "{{ 1 + 1 }}"}'), "p.yaml:6:22", "no name with one filter", "percent"),
    (
        rule(labels='{share: "{{ drift.new_share | precent }}"}'),
        "p.yaml:6:43",
        'unknown filter "precent"',
        '"percent"?',
    ),
    (rule(labels='{share: "{{ drift.new_share | duration }}"}'), "p.yaml:6:43", "is no time", "tenths"),
    (rule(labels='{share: "{{ stream | percent }}"}'), "p.yaml:6:34", "is no number", "{{ stream }}"),
    (rule(labels='{severity: "{{ drift.state }}"}'), "p.yaml:6:24", "no severity is called", "info, ticket or page"),
    (
        rule(do="retrain", recipe="small", worth="{probe_gains: 0.02}"),
        "p.yaml:7:12",
        '"probe_gain" is missing',
        "add it",
    ),
    (rule(do="retrain", recipe="small", worth="{probe_gain: 0}"), "p.yaml:7:25", "greater than 0", ""),
    (rule(do="retrain", recipe="small", max_hours="-1"), "p.yaml:7:16", "greater than 0", ""),
    (rule(do="retrain", recipe="small", probation="{windows: -1}"), "p.yaml:7:26", "greater than or equal to 0", ""),
    (rule(do="retrain", recipe="small", probation="{windows: 101}"), "p.yaml:7:26", "less than or equal to 100", ""),
    (rule(do="retrain", recipe="small", need="{fresh_texts: lots}"), "p.yaml:7:25", "must be a whole number", ""),
    (rule(do="retrain", recipe="small", need="{fresh_texts: -1}"), "p.yaml:7:25", "greater than or equal to 1", ""),
    (rule(do="retrain", recipe="small", gates="{quality: {min_gain: .nan}}"), "p.yaml:7:33", "finite", ""),
    (rule(do="retrain", recipe="small", gates="{quality: 3}"), "p.yaml:7:22", "must be a mapping", ""),
    (
        rule(do="retrain", recipe="small", gates="{toxicity: {max: 3}}"),
        "p.yaml:7:13",
        'unknown key "toxicity"',
        "known here",
    ),
    (
        rule(do="retrain", recipe="small", gates="{bias: {neutrals: 3}}"),
        "p.yaml:7:20",
        'unknown key "neutrals"',
        'did you mean "neutral"?',
    ),
    (rule(do="retrain", recipe="small", gates="{bias: {neutral: 1}}"), "p.yaml:7:29", "has no spread", "0, or 2 to 8"),
    (rule(do="retrain", recipe="small", gates="{bias: {neutral: 9}}"), "p.yaml:7:29", "less than or equal to 8", ""),
    (
        rule(do="retrain", recipe="small", gates="{bias: {not_shown: pass}}"),
        "p.yaml:7:31",
        "'approve', 'more-pairs' or 'refuse'",
        "write approve, more-pairs or refuse",
    ),
    (
        rule(do="retrain", recipe="small", gates="{bias: {not_shown: more-pairs}}"),
        "p.yaml:7:31",
        "there are no more pairs",
        "suites: [crows-pairs]",
    ),
    (
        rule(do="retrain", recipe="small", gates="{bias: {suites: [crows-pairs]}}"),
        "p.yaml:7:28",
        "never looked at",
        "not_shown: more-pairs",
    ),
    (
        rule(do="retrain", recipe="small", gates="{bias: {not_shown: more-pairs, suites: [ours/a.csv]}}"),
        "p.yaml:7:52",
        '"ours/a.csv" is no whole path',
        "begin it with /",
    ),
    *(
        (
            rule(do="retrain", recipe="small", gates=f"{{bias: {{not_shown: more-pairs, suites: [{name}]}}}}"),
            "p.yaml:7:52",
            f'"{name}" is no suite of pairs',
            "crows-pairs, winobias, winogender or NAME=/PATH",
        )
        for name in ("crowspairs", "stereoset", "ours.csv", "bbq=/srv/bbq")
    ),
    (rule(do="retrain", recipe="small", rounds="0"), "p.yaml:7:13", "greater than or equal to 1", ""),
    (rule(do="retrain", recipe="small", rounds="two"), "p.yaml:7:13", "must be a whole number", ""),
    (rule(do="retrain", recipe="small", promote="yes"), "p.yaml:7:14", "'auto' or 'approve'", "promote: approve"),
    (rule(labels="{severity: urgent}"), "p.yaml:6:24", 'no severity is called "urgent"', "info, ticket or page"),
    (rule(labels="{a-b: c}"), "p.yaml:6:14", '"a-b" is no name for a label', "letters, digits and _"),
    (rule(labels="{team: 7}"), "p.yaml:6:20", "must be text", "quote it"),
    (rule(annotations="text"), "p.yaml:6:18", "must be a mapping", ""),
    (rule() + "\n  - {name: a, when: 'true', do: alert}", "p.yaml:6:12", 'already has a rule "a"', "its own name"),
    ("a: 1\na: 2", "p.yaml:2:1", '"a" is given twice', "line 1"),
    (rule(name="b\n    name: c"), "p.yaml:4:5", '"name" is given twice', "line 3"),
    ("a: &x [1]\nb: *x", "p.yaml:2:4", "aliases are not used", "write the value out"),
    ("a: &x [*x]", "p.yaml:1:8", "aliases are not used", "write the value out"),
    ("[" * 100_000, "p.yaml:1:21", "nested more than 20 deep", ""),
    ("a: [", "p.yaml:2:1", "this is no YAML", "indentation"),
    ("\ta: b", "p.yaml:1:1", "this is no YAML", "indentation"),
    ("a: b: c", "p.yaml:1:5", "this is no YAML", "indentation"),
    ("a: !!python/object:os.system x", "p.yaml:1:4", "constructor", "plain text"),
    ("? [a]\n: b", "p.yaml:1:3", "a key must be a word", ""),
    ("a: 2026-99-99", "p.yaml:1:4", "cannot be read", "quote it"),
    ("a: " + "9" * 5_000, "p.yaml:1:4", "cannot be read", "quote it"),
    ("a: \x01", "p.yaml", "#x0001 is not allowed", "UTF-8"),
    ("---\na: 1\n---\nb: 1", "p.yaml:3:1", "a second document", ""),
]


@pytest.mark.parametrize(("text", "where", "what", "cure"), MISTAKES)
def test_a_mistake_names_its_place_and_its_cure(text: str, where: str, what: str, cure: str) -> None:
    error = refuse(text)
    found = error.mistakes[0]
    assert found.where == where
    assert what in found.what
    assert cure in (found.cure or "")
    assert len(str(found)) < 1_200


def test_a_mistake_shows_its_line_with_a_caret() -> None:
    assert str(refuse(rule(when="loss.incraese > 0.05"))) == (
        'p.yaml:4:11: unknown variable "loss.incraese" (did you mean "loss.increase"?)\n'
        "    4 |     when: loss.incraese > 0.05\n"
        "      |           ^"
    )


def test_a_long_line_is_shown_around_its_mistake() -> None:
    text = rule(when="loss.nats > 1.0 && " * 90 + "foo.bar > 1.0")
    shown = refuse(text).mistakes[0].excerpt.splitlines()
    assert max(map(len, shown)) < 200
    assert shown[0][shown[1].index("^") :].startswith("foo.bar")


def test_all_mistakes_of_a_file_are_named_in_its_order() -> None:
    text = rule(name="A B", for_="3", wrong="1", limits="{cooldown: 24}")
    assert [mistake.where for mistake in refuse(text).mistakes] == [
        "p.yaml:3:11",
        "p.yaml:6:10",
        "p.yaml:7:5",
        "p.yaml:8:24",
    ]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a: \xff\xfe", r"p\.yaml:1:4: byte 0xff is not UTF-8"),
        (b"# " + b"x" * 2**20, r"p\.yaml: the file is larger than 1 MiB"),
        (None, r"p\.yaml: cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes | None, what: str) -> None:
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MistakesError, match=what):
        load_policies([path], streams=["support"], recipes=RECIPES)


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(MistakesError, match="cannot be read: Is a directory"):
        load_policies([tmp_path], streams=["support"], recipes=RECIPES)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + rule().encode())
    assert load_policies([path], streams=["s"], recipes=RECIPES).of("s")


def macro(inner: str) -> str:
    return f"[1,2,3,4,5,6,7,8,9].all(x, {inner})"


BOMBS = {
    "many rules": "stream: '*'\nrules:\n"
    + "\n".join(f"  - {{name: r{n}, when: 'loss.increase > 0.05', do: alert}}" for n in range(18_000)),
    "many values": "a: [" + ",".join("1" for _ in range(500_000)) + "]",
    "many keys": "stream: '*'\nrules:\n  - name: a\n    labels:\n" + "\n".join(f"      k{n}: v" for n in range(60_000)),
    "parentheses": rule(when="(" * 900 + "true" + ")" * 900),
    "long": rule(when=" && ".join(["drift.alarm"] * 1_000)),
    "bombs": "stream: '*'\nrules:\n"
    + "\n".join(f"  - {{name: r{n}, when: {'!(' * 300 + 'true' + ')' * 300!r}, do: alert}}" for n in range(200)),
    "figures": rule(labels="{a: '" + "{{ stream }}" * 160 + "'}"),
    "hours": rule(limits="{hours: [" + ",".join(['"22:00-06:00 UTC"'] * 20_000) + "]}"),
    "laughs": "a: &a [x, x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a]" for n in range(9)),
    "ring of 200": "stream: '*'\nrules:\n"
    + "\n".join(f"  - {{name: r{n}, when: drift.alarm, do: alert, unless: [r{(n + 1) % 200}]}}" for n in range(200)),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_what_is_made_to_be_slow_is_refused_soon(text: str) -> None:
    began = time.thread_time()
    error = refuse(text)
    assert time.thread_time() - began < MOST_SECONDS
    assert len(str(error.mistakes[0])) < 20_000


def test_200_rules_that_wait_for_50_others_each_are_read_soon() -> None:
    waits = ("[" + ",".join(f"r{m}" for m in range(n + 1, min(n + 51, 200))) + "]" for n in range(200))
    rules = "\n".join(f"  - {{name: r{n}, when: drift.alarm, do: alert, unless: {w}}}" for n, w in enumerate(waits))
    began = time.thread_time()
    assert len(read(f"stream: '*'\nrules:\n{rules}").of("support")) == 200
    assert time.thread_time() - began < MOST_SECONDS


def test_a_condition_that_would_go_on_and_on_is_cut_off_and_held() -> None:
    endless = compile_expression(macro(macro(macro(macro(macro(macro("x > 0")))))))
    began = time.thread_time()
    found = endless.evaluate({})
    assert time.thread_time() - began < MOST_SECONDS
    assert found.value is None
    assert "budget exceeded" in (found.problem or "")


def test_files_that_are_none_are_refused_at_once(tmp_path: Path) -> None:
    ring, pipe, large = tmp_path / "ring.yaml", tmp_path / "pipe.yaml", tmp_path / "large.yaml"
    ring.symlink_to(tmp_path / "back.yaml")
    (tmp_path / "back.yaml").symlink_to(ring)
    os.mkfifo(pipe)
    large.write_bytes(b"# " + b"x" * 10 * 2**20)
    with pytest.raises(MistakesError) as raised:
        load_policies([ring, pipe, large], streams=["s"], recipes=RECIPES)
    assert [mistake.what for mistake in raised.value.mistakes] == [
        "cannot be read: Too many levels of symbolic links",
        "it is no plain file",
        "the file is larger than 1 MiB",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(rule())
    path.chmod(0)
    with pytest.raises(MistakesError, match="cannot be read: Permission denied"):
        load_policies([path], streams=["s"], recipes=RECIPES)


def test_the_schema_for_editors_names_every_field() -> None:
    schema = json.loads(json_schema())
    assert set(schema["$defs"]["RetrainRule"]["properties"]) == {
        "name", "when", "for", "clear", "unless", "do", "priority", "recipe", "need", "limits", "gates", "worth",
        "rounds", "max_hours", "promote", "probation", "labels", "annotations",
    }  # fmt: skip

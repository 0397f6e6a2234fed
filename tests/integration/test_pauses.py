"""Pauses: by command, in decisions, after their end, in metrics, on the page and in alerts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from policy_stream import HOUR, START, Stream, window
from typer.testing import CliRunner, Result

from driftwatch.alert import messages
from driftwatch.cli import app
from driftwatch.domain.alert import Alert
from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.errors import ConflictError, DataError, NotFoundError
from driftwatch.domain.pause import Pause
from driftwatch.policy.basis import facts_text, read_facts
from driftwatch.policy.decide import Facts
from driftwatch.policy.rules import parse_policies
from driftwatch.store import Store, open_store
from driftwatch.web import status_from
from driftwatch.web.status_page import status_page
from driftwatch.wiring import SystemClock, begin_pause, end_pause, tend_pauses

S = "s"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = """\
stream: "*"
rules:
  - {name: tell, when: loss.increase > 0.05, for: 2 windows, do: alert}
  - {name: other, when: loss.increase > 0.05, do: alert}
"""
CONFIG = '[alerts.webhook]\nurl = "http://127.0.0.1:1/"\n[streams.s]\n'


class Still:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "d.db", clock=Still())
    yield opened
    opened.close()


def begin(store: Store, *, rule: str | None = None, hours: float = 6, now: datetime = NOW) -> Pause:
    return begin_pause(
        store,
        stream=S,
        rule=rule,
        until=now + timedelta(hours=hours),
        who="alice",
        because="a release",
        receivers=("webhook",),
        now=now,
    )


def end(store: Store, *, rule: str | None = None, now: datetime = NOW) -> Pause:
    return end_pause(store, stream=S, rule=rule, who="bob", because="done", receivers=("webhook",), now=now)


def told(store: Store) -> list[Alert]:
    return [each.alert for each in store.outbox.due(NOW + timedelta(days=99), limit=99)]


def paused(rule: str | None, *, first: int, windows: int) -> Pause:
    at = START + first * HOUR
    until = at + windows * HOUR
    return Pause(stream=S, rule=rule, since=at, at=at, until=until, who="alice", because="a release")


def decide(*pauses: Pause, windows: int) -> list[str]:
    facts = Facts(fresh_texts=lambda _since: 10_000, paused=pauses)
    stream = Stream(parse_policies({"p.yaml": RULES}, streams=[S], recipes=[]), facts)
    return stream.actions(*(window(index, loss__increase=0.08) for index in range(windows)))


def test_a_pause_holds_and_the_streak_goes_on_being_counted() -> None:
    assert decide(windows=3) == ["hold+alert", "alert+hold", "hold+hold"]
    assert decide(paused(None, first=0, windows=4), windows=5) == [*["hold+hold"] * 3, "alert+alert", "hold+hold"]
    assert decide(paused("other", first=0, windows=4), windows=5)[1:4] == ["alert+hold", "hold+hold", "hold+alert"]


def test_a_held_decision_says_who_paused_until_when_and_why() -> None:
    facts = Facts(fresh_texts=lambda _since: 0, paused=(paused("tell", first=0, windows=9),))
    stream = Stream(parse_policies({"p.yaml": RULES}, streams=[S], recipes=[]), facts)
    reasons = stream.see(window(0, loss__increase=0.08)).decisions[0].reasons
    (said,) = [reason for reason in reasons if reason.subject == "paused"]
    assert (said.met, said.detail) == (False, "paused until 2026-11-01 09:00:00 UTC by alice: a release")


def test_facts_with_a_pause_are_kept_and_read_again() -> None:
    facts = Facts(fresh_texts=lambda _since: 7, paused=(paused("tell", first=0, windows=9),))
    assert read_facts(facts_text(facts), facts.fresh_texts) == facts


def test_a_pause_begins_is_told_and_ends_on_a_word(store: Store) -> None:
    made = begin(store)
    assert store.pauses.in_force(NOW, stream=S) == (made,)
    assert store.pauses.in_force(NOW + timedelta(hours=6)) == ()
    ended = end(store, now=NOW + timedelta(hours=1))
    assert store.pauses.in_force(NOW + timedelta(hours=1)) == ()
    assert store.pauses.in_force(NOW + timedelta(minutes=59)) == (ended,)  # the past stays as it was
    assert store.pauses.since(NOW) == (ended,)
    assert [(alert.name, alert.ends_at is None) for alert in told(store)] == [("Paused", False), ("PauseOver", False)]
    assert "on the word of bob: done" in told(store)[1].description
    entries = store.audit.recent(subject=S, limit=9)
    assert [(entry.what, entry.who, entry.detail["because"]) for entry in entries] == [
        ("resumed", "bob", "done"),
        ("paused", "alice", "a release"),
    ]


def test_a_prolonged_pause_remembers_when_it_began(store: Store) -> None:
    first = begin(store)
    second = begin(store, hours=24, now=NOW + HOUR)
    assert (second.since, second.at) == (first.since, NOW + HOUR)
    assert store.pauses.in_force(NOW + HOUR) == (second,)
    assert store.pauses.open() == (second,)
    assert [alert.key for alert in told(store) if alert.ends_at is None] == [messages.pause_key(second)]
    later = begin(store, now=NOW + timedelta(days=9))  # the one before is over, though nobody has noted it
    assert later.since == NOW + timedelta(days=9)


def test_a_pause_is_soon_over_and_then_over_by_itself(store: Store) -> None:
    policy = parse_policies({"p.yaml": RULES}, streams=[S], recipes=[])
    stream = Stream(policy)
    begin(store, rule="tell")

    def tend(hours: float) -> list[str]:
        tend_pauses(store, receivers=("webhook",), now=NOW + timedelta(hours=hours))
        return [alert.name for alert in told(store)]

    assert tend(5) == ["Paused"]
    assert tend(5.5) == tend(5.6) == ["Paused", "PauseEnding"]
    assert "no rule under it is true" in told(store)[-1].description
    assert tend(7) == tend(8) == ["Paused", "PauseEnding", "PauseOver"]
    (only,) = store.pauses.since(NOW)
    assert only.ended_at == only.until
    assert store.audit.recent(limit=1)[0].what == "pause-over"
    assert stream.actions(window(0, loss__increase=0.08)) == ["hold+alert"]


def test_the_word_before_the_end_names_the_rules_that_wait() -> None:
    pause = paused(None, first=0, windows=9)
    alert = messages.pause_ending(pause, holding=["tell"], at=START)
    assert alert.severity == "ticket"
    assert "true at the moment: tell; each acts on the first window after the pause" in alert.description


@pytest.mark.parametrize(
    ("attempt", "error", "said"),
    [
        (lambda store: begin(store, hours=-1), DataError, "has passed"),
        (lambda store: begin(store, hours=24 * 32), DataError, "31d at most"),
        (end, NotFoundError, "is not paused"),
        (lambda store: (begin(store, rule="tell"), end(store)), NotFoundError, "--rule tell"),
        (lambda store: (begin(store), end(store, rule="tell")), NotFoundError, "the whole stream"),
        (lambda store: (begin(store), end(store, now=NOW + 7 * HOUR)), NotFoundError, "is not paused"),
    ],
)
def test_what_cannot_be_is_refused(
    store: Store, attempt: Callable[[Store], object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        attempt(store)
    assert said in str(caught.value)


def test_two_people_at_once_do_not_undo_each_other(store: Store) -> None:
    made = begin(store)
    end(store)
    entry = store.audit.recent(limit=1)[0]
    with pytest.raises(ConflictError):
        store.pauses.change(ended=made, ended_at=NOW, entry=entry)
    assert len(store.audit.recent(limit=9)) == 2


def test_the_page_says_who_and_why(store: Store) -> None:
    store.pauses.change(
        begun=Pause(
            stream=S, rule="tell", since=NOW, at=NOW, until=NOW + HOUR, who="<alice>", because="a <b>release</b>"
        ),
        ended_at=NOW,
        entry=AuditEntry(at=NOW, who="alice", what="paused", subject=S),
    )
    page = status_page(status_from(store, [S], version="1", at=NOW))
    assert "&lt;alice&gt;: a &lt;b&gt;release&lt;/b&gt;" in page


def command(tmp_path: Path, *words: str) -> Result:
    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    (tmp_path / "policies").mkdir(exist_ok=True)
    (tmp_path / "policies" / "p.yaml").write_text(RULES)
    return CliRunner().invoke(app, [*words, "--config", str(tmp_path / "driftwatch.toml")], env={"COLUMNS": "200"})


def test_commands_pause_show_and_resume(tmp_path: Path) -> None:
    began = command(tmp_path, "pause", S, "--rule", "tell", "--for", "6h", "--because", "a\nrelease")
    assert began.exit_code == 0, began.output
    whole = command(tmp_path, "pause", S, "--because", "all of it", "--json")
    made = json.loads(whole.stdout)
    lasts = datetime.fromisoformat(made["until"]) - datetime.fromisoformat(made["at"])
    assert lasts == timedelta(hours=24)
    shown = command(tmp_path, "status")
    assert "every rule" in shown.output
    assert "a release" in shown.output
    resumed = command(tmp_path, "resume", S)
    assert resumed.exit_code == 0
    assert "still paused: rule tell" in resumed.output
    store = open_store(tmp_path / "state" / "driftwatch.db", clock=SystemClock())
    assert [each.rule for each in store.pauses.open()] == ["tell"]
    store.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pause", "nobody", "--because", "x"), "there is no stream nobody"),
        (("pause", S, "--rule", "tel", "--because", "x"), "did you mean tell?"),
        (("pause", S, "--because", " \n"), "needs a reason"),
        (("pause", S, "--for", "6", "--because", "x"), "is no duration"),
        (("pause", S, "--for", "60d", "--because", "x"), "31d at most"),
        (("pause", S, "--until", "tomorrow", "--because", "x"), "is no time"),
        (("pause", S, "--for", "9999999d", "--because", "x"), "cure: a pause lasts 31d at most"),
        (("pause", S, "--until", "9999-12-31T23:59-05:00", "--because", "x"), "is no time"),
        (("pause", S, "--until", "2020-01-01", "--because", "x"), "has passed"),
        (("pause", S, "--for", "1h", "--until", "2030-01-01", "--because", "x"), "one of them"),
        (("resume", S), "is not paused"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    found = command(tmp_path, *words)
    assert said in found.output.replace("\n", " ")
    assert found.exit_code != 0


def test_a_rule_can_be_paused_though_the_policy_has_mistakes(tmp_path: Path) -> None:
    command(tmp_path, "status")
    (tmp_path / "policies" / "p.yaml").write_text("rules: [")
    config = str(tmp_path / "driftwatch.toml")
    found = CliRunner().invoke(app, ["pause", S, "--rule", "gone", "--because", "x", "--config", config])
    assert found.exit_code == 0, found.output
    assert "taken as it is" in found.output
    found = CliRunner().invoke(app, ["pause", S, "--rule", "*", "--because", "x", "--config", config])
    assert found.exit_code == 2, found.output
    assert "this is no name of a rule" in found.output

"""What hosts on one store must have alike is all that decides, and what each may have for itself does not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftwatch import wiring
from driftwatch.config import load_config, settings_digest
from driftwatch.domain.hosts import Agreement

RULES = "stream: [docs]\nrules:\n  - {name: a, when: drift.alarm, do: alert}\n"
CONFIG = """\
state_dir = "/srv/driftwatch"
store = "postgresql://db/driftwatch"
[daemon]
listen = "127.0.0.1:9478"
[alerts.webhook]
url = "https://chat/hooks/secret-in-the-path"
[streams.docs]
window = 500
[streams.docs.reload]
webhook = "https://serving/hooks/secret"
secret = "env:HOOK"
[[streams.docs.sources]]
type = "redis"
url = "redis://queue:6379/0"
key = "says"
consumer = "a"
[[streams.docs.sources]]
type = "file"
path = "/var/log/says.jsonl"
"""


def agreement(folder: Path, config: str, rules: str = RULES) -> Agreement:
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "p.yaml").write_text(rules)
    (folder / "driftwatch.toml").write_text(config)
    loaded = load_config(folder / "driftwatch.toml", environ={})
    return wiring.agreement_of(loaded, wiring.load_policy(loaded))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('listen = "127.0.0.1:9478"', 'listen = "0.0.0.0:9478"\nthreads = 2'),
        ('consumer = "a"', 'consumer = "b"\nclaim = "9m"'),
        ("[daemon]\n", '[daemon]\nweb_config = "web.yml"\n'),
        ("[streams.docs]\n", "[streams.docs]\n# a comment\n"),
    ],
)
def test_what_a_host_has_for_itself_does_not_count(tmp_path: Path, old: str, new: str) -> None:
    assert agreement(tmp_path, CONFIG.replace(old, new)).differences(agreement(tmp_path, CONFIG)) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("window = 500", "window = 200", "stream docs, window: 200 here, 500 agreed"),
        (
            "window = 500",
            'window = 500\nfalse_alarms = "1 per 30d"',
            'stream docs, false_alarms: "1 per 30d" here, "1 per 365d" agreed',
        ),
        (
            "[streams.docs.reload]",
            '[streams.docs.encoder]\nkind = "static"\n[streams.docs.reload]',
            'stream docs, encoder.kind: "static" here, "transformer" agreed',
        ),
        ("serving/hooks/secret", "serving/hooks/other-secret", "stream docs, reload.webhook: another here"),
        ("chat/hooks/secret-in-the-path", "chat/hooks/else", "alerts.webhook.url: another here"),
        ("/var/log/says.jsonl", "/var/log/else.jsonl", "stream docs, sources: another here"),
        ("/srv/driftwatch", "/srv/elsewhere", 'state_dir: "/srv/elsewhere" here, "/srv/driftwatch" agreed'),
        ("[streams.docs.reload]", "[streams.more]\n[streams.docs.reload]", "streams.more: set here alone"),
    ],
)
def test_what_decides_counts_and_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = agreement(tmp_path, CONFIG.replace(old, new, 1)).differences(agreement(tmp_path, CONFIG))
    # With another stream the same files come to other rules in force.
    named = [str(each) for each in found if each.subject != "policies" or "more" not in said]
    assert named == [said]
    assert "secret" not in said


def test_rules_count_as_they_are_in_force(tmp_path: Path) -> None:
    other = agreement(tmp_path, CONFIG, RULES.replace("drift.alarm", "loss.increase > 0.1"))
    (found,) = other.differences(agreement(tmp_path, CONFIG))
    assert found.subject == "policies"


def test_a_digest_tells_whether_a_file_says_something_else(tmp_path: Path) -> None:
    file = tmp_path / "driftwatch.toml"

    def digest(written: str) -> str:
        file.write_text(written)
        return settings_digest(load_config(file, environ={}))

    assert digest(CONFIG) == digest(CONFIG + "# a comment\n")
    assert digest(CONFIG) != digest(CONFIG.replace("window = 500", "window = 501"))

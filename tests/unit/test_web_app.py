from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from web_client import Daemon, Shelf, app_of, client_of

from driftwatch.web import Health, ReloadResult

if TYPE_CHECKING:
    import httpx

EVERYTHING = [
    ("GET", "/"),
    ("GET", "/metrics"),
    ("GET", "/-/healthy"),
    ("GET", "/-/ready"),
    ("POST", "/-/reload"),
    ("GET", "/streams/support/windows/3"),
    ("GET", "/streams/support/incidents/3"),
    ("GET", "/streams/support/windows/3/report"),
    ("GET", "/runs/r-20261102"),
    ("GET", "/nothing"),
]


def ask(method: str, path: str, daemon: Daemon | None = None, **sent: dict[str, str]) -> httpx.Response:
    async def story() -> httpx.Response:
        async with client_of(app_of(Shelf(), daemon)) as client:
            return await client.request(method, path, **sent)  # type: ignore[arg-type]

    return asyncio.run(story())


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_every_answer_carries_the_security_headers(method: str, path: str) -> None:
    answer = ask(method, path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    if answer.headers["content-type"].startswith("text/html"):
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(("method", "path"), EVERYTHING[:-1])
def test_every_path_answers(method: str, path: str) -> None:
    assert ask(method, path).status_code == 200


def test_metrics_pass_on_what_the_scraper_asks_for() -> None:
    answer = ask("GET", "/metrics", headers={"accept": "application/openmetrics-text"})
    assert answer.text == "# application/openmetrics-text\n"


def test_ready_says_why_not() -> None:
    daemon = Daemon(health=Health(unready=("stream support: no reference yet",)))
    assert ask("GET", "/-/healthy", daemon).status_code == 200
    answer = ask("GET", "/-/ready", daemon)
    assert answer.status_code == 503
    assert "stream support: no reference yet" in answer.text


def test_unhealthy_is_unready_too() -> None:
    daemon = Daemon(health=Health(unhealthy=("loop analysis has not come round for 300 s",)))
    assert ask("GET", "/-/healthy", daemon).status_code == 503
    assert "loop analysis" in ask("GET", "/-/ready", daemon).text


def test_reload_keeps_the_old_rules_on_errors_and_names_them_all() -> None:
    daemon = Daemon(reloaded=ReloadResult(errors=("policies/a.yaml:3:7: unknown key", "driftwatch.toml:1:1: no")))
    answer = ask("POST", "/-/reload", daemon)
    assert answer.status_code == 422
    assert "policies/a.yaml:3:7: unknown key; driftwatch.toml:1:1: no" in answer.json()["detail"]


def test_reload_answers_what_is_in_force() -> None:
    assert ask("POST", "/-/reload").json() == {"reloaded": True, "detail": "2 streams"}


def test_a_page_elsewhere_cannot_reload() -> None:
    assert ask("POST", "/-/reload", headers={"origin": "https://evil.example"}).status_code == 403
    assert ask("POST", "/-/reload", headers={"origin": "http://driftwatch.test"}).status_code == 200


@pytest.mark.parametrize(("method", "path", "allow"), [("PUT", "/metrics", "GET"), ("GET", "/-/reload", "POST")])
def test_other_methods(method: str, path: str, allow: str) -> None:
    answer = ask(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/metrics/",
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/streams/sales/windows/1",
        "/streams/sales/incidents/1",
        "/streams/support/incidents/-1",
        "/streams/support/incidents",
        "/streams/support/windows/-1",
        "/streams/support/windows/1e3",
        "/streams/support/windows/٣",
        "/streams/support/windows/9999999999999",
        "/streams/support%2Fwindows%2F1",
        "/runs/..%2F..%2Fetc%2Fpasswd",
        "/runs/%2e%2e",
        "/runs/",
    ],
)
def test_what_does_not_exist(path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_path_reaches_the_pages_unchecked() -> None:
    daemon = Daemon()
    for path in ("/runs/..%2Fx", "/runs/%00", "/streams/support/windows/..", "/streams/support/windows/0x1"):
        ask("GET", path, daemon)
    assert daemon.pages_asked == []


def test_a_path_that_is_no_utf8() -> None:
    assert ask("GET", "/runs/%ff").status_code == 400


def test_a_report_runs_its_scripts_in_a_sandbox_only() -> None:
    policy = ask("GET", "/streams/support/windows/3/report").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "script-src" not in ask("GET", "/streams/support/windows/3").headers["content-security-policy"]


def test_head_is_answered_like_get() -> None:
    assert ask("HEAD", "/-/healthy").status_code == 200


def test_the_status_page_loads_nothing() -> None:
    page = ask("GET", "/").text
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "<script" not in page

"""Word of reports that rules asked for: where they are, or why there is none."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.alert.account import account
from driftwatch.alert.links import incident_path, report_path
from driftwatch.alert.wording import Wording, event, sentence
from driftwatch.domain.alert import INCIDENT, REPORT, Alert
from driftwatch.domain.explanation import told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from driftwatch.domain.decision import Decision
    from driftwatch.domain.drift import WindowResult

_NONE: Mapping[str, str] = MappingProxyType({})


def report_asked(
    decision: Decision,
    *,
    result: WindowResult,
    labels: Mapping[str, str] = _NONE,
    annotations: Mapping[str, str] = _NONE,
) -> Alert:
    """Tell where the pages of a window are that a rule asked for.

    Args:
        decision: to report.
        result: of the window decided on.
        labels: the rule's; without a ``severity`` of its own it is information.
        annotations: the rule's; ``summary`` replaces ours.
    """
    incident, report = incident_path(decision.stream, decision.window), report_path(decision.stream, decision.window)
    wording = Wording(
        what=f'Rule "{decision.rule}" asked for a report of window {decision.window} of stream {decision.stream} '
        f"({result.texts:,} texts).",
        figures=(*told(decision.reasons), *account(result)),
        since=decision.at,
        by_itself="the incident page is there; evidently's report is being made and is there within some minutes. "
        "Should that fail, it is told separately.",
        person="nothing; read them when it suits.",
        look=f"{incident} and {report}; driftwatch incident {decision.stream} {decision.window}",
    )
    kept = {name: value for name, value in labels.items() if name != "severity"}
    said = {name: text for name, text in annotations.items() if name != "summary"}
    return event(
        "WindowReport",
        key=f"report:{decision.stream}:{decision.rule}:{decision.window}",
        stream=decision.stream,
        severity="info",
        summary=annotations.get("summary", f"{decision.stream}: a report of window {decision.window}"),
        wording=wording,
        labels=kept | {"rule": decision.rule},
        annotations=said | {INCIDENT: incident, REPORT: report},
    )


def report_failed(decision: Decision, *, problem: str, at: datetime) -> Alert:
    """Tell that a report could not be made.

    Args:
        decision: that asked for it.
        problem: why.
        at: when that was known.
    """
    incident = incident_path(decision.stream, decision.window)
    wording = Wording(
        what=f"Evidently's report of window {decision.window} of stream {decision.stream} could not be made.",
        figures=(sentence(problem),),
        since=at,
        by_itself="nothing; it is not tried again.",
        person="read the incident page, which has the figures; make the report by hand if the cause is mended.",
        look=f"{incident}; driftwatch report {decision.stream} {decision.window}",
    )
    return event(
        "ReportFailed",
        key=f"report:{decision.stream}:{decision.window}:failed",
        stream=decision.stream,
        severity="info",
        summary=f"{decision.stream}: the report of window {decision.window} could not be made",
        wording=wording,
        labels={"rule": decision.rule},
        annotations={INCIDENT: incident},
    )

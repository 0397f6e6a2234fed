"""The daemon's web face: intake over HTTP, metrics, health, reload and pages."""

from driftwatch.web.app import LOCAL_USER, App, create_app
from driftwatch.web.exchange import ProblemError
from driftwatch.web.feedback import FeedbackIntake, FeedbackReceipt
from driftwatch.web.full import Room
from driftwatch.web.limits import WebSettings
from driftwatch.web.operating import Health, ReloadResult
from driftwatch.web.otlp import OtlpIntake, OtlpReceipt, Signal
from driftwatch.web.pages import Page, Pages
from driftwatch.web.server import serve, serve_locally, short
from driftwatch.web.texts import Body, Intake, Receipt, RejectedLine
from driftwatch.web.view import StatusView, status_from

__all__ = [
    "LOCAL_USER",
    "App",
    "Body",
    "FeedbackIntake",
    "FeedbackReceipt",
    "Health",
    "Intake",
    "OtlpIntake",
    "OtlpReceipt",
    "Page",
    "Pages",
    "ProblemError",
    "Receipt",
    "RejectedLine",
    "ReloadResult",
    "Room",
    "Signal",
    "StatusView",
    "WebSettings",
    "create_app",
    "serve",
    "serve_locally",
    "short",
    "status_from",
]

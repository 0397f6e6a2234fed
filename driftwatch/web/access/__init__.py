"""Who may ask the daemon for what: users, tokens, certificates."""

from driftwatch.web.access.followed import Followed
from driftwatch.web.access.guard import Access, Guard, open_to_all
from driftwatch.web.access.tls import FollowingContext, tls_context
from driftwatch.web.access.tokens import Token, hashed
from driftwatch.web.access.webfile import WebFile, read_web_file
from driftwatch.web.caller import Caller

__all__ = [
    "Access",
    "Caller",
    "Followed",
    "FollowingContext",
    "Guard",
    "Token",
    "WebFile",
    "hashed",
    "open_to_all",
    "read_web_file",
    "tls_context",
]

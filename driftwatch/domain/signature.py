"""How a post is signed, so that its receiver knows who sent it, when, and that nobody changed it on the way."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

from driftwatch.domain.secrets import Secret

TIMESTAMP = "X-Driftwatch-Timestamp"
SIGNATURE = "X-Driftwatch-Signature"


def sign(body: bytes, *, timestamp: str, secret: Secret) -> str:
    """Return the signature of a post: ``v1=`` and the hex HMAC-SHA256 of timestamp, a full stop and body."""
    digest = hmac.digest(secret.reveal().encode(), timestamp.encode() + b"." + body, "sha256")
    return f"v1={digest.hex()}"


def signed(body: bytes, *, at: datetime, secret: Secret | None) -> Mapping[str, str]:
    """Return the headers that carry a post's time, and its signature where there is a secret."""
    timestamp = str(int(at.timestamp()))
    if secret is None:
        return {TIMESTAMP: timestamp}
    return {TIMESTAMP: timestamp, SIGNATURE: sign(body, timestamp=timestamp, secret=secret)}

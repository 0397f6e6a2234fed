"""One HTTP POST to a receiver, its failures told apart into those worth another try and the rest."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from driftwatch.domain.errors import NotifyError
from driftwatch.domain.urls import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    import httpx

_SUCCESS = range(200, 300)
_REFUSAL = range(400, 500)
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})
_SHOWN = 200


def post(url: str, body: bytes, *, headers: Mapping[str, str], timeout: timedelta) -> None:
    """Post JSON; the answer's body is not read beyond what an error message shows.

    Proxies and credentials from the environment are not used: receivers are reached as configured.

    Raises:
        NotifyError: not taken; retryable unless the receiver refused it (a 4xx other than 408, 425 and 429).
    """
    import httpx

    named = {"Content-Type": "application/json", "User-Agent": "driftwatch", **headers}
    try:
        with (
            httpx.Client(verify=_trust(url), timeout=timeout.total_seconds(), trust_env=False) as client,
            client.stream("POST", url, content=body, headers=named) as response,
        ):
            if response.status_code not in _SUCCESS:
                raise _refused(url, response)
    except httpx.InvalidURL:
        raise NotifyError("the receiver's URL cannot be used", where=host_of(url), retryable=False) from None
    except httpx.HTTPError as error:
        what = f"the receiver did not answer: {type(error).__name__}"
        raise NotifyError(what, where=host_of(url), cure="it is tried again", retryable=True) from error


def _trust(url: str) -> ssl.SSLContext | bool:
    """Return whom to trust: the usual authorities, which are not read where nothing is encrypted; there nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if url.lower().startswith("http://") else True


def _refused(url: str, response: httpx.Response) -> NotifyError:
    status = response.status_code
    final = status in _REFUSAL and status not in _WORTH_ANOTHER_TRY
    said = "".join(_beginning(response).split("\x00")).strip()
    what = f"the receiver answered {status}" + (f": {said}" if said else "")
    cure = "check its URL, secret and configuration" if final else "it is tried again"
    return NotifyError(what, where=host_of(url), cure=cure, retryable=not final)


def _beginning(response: httpx.Response) -> str:
    for chunk in response.iter_bytes(_SHOWN):
        return " ".join(chunk.decode(errors="replace").split())
    return ""

"""Closes connections whose request never begins, or whose head never ends: there are only so many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 10.0
"""From the connection, or the first byte after an answer, to the end of a request's head. Bodies have a limit of their
own, and what is silent after an answer is closed by uvicorn."""


class ImpatientProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Uvicorn's own protocol, one of two classes, whichever is installed; it would wait for ever."""

    loop: asyncio.AbstractEventLoop
    cycle: Any
    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own is of a narrower type
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on where the head has not ended yet."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._calm()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if not self._awaits_a_head():
            self._calm()
        elif self._closing is None:
            self._closing = self.loop.call_later(HEAD_SECONDS, self._close)

    def _calm(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _close(self) -> None:
        self._closing = None
        if self._awaits_a_head():
            self.transport.close()

    def _awaits_a_head(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

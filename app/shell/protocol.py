"""HTTP with a clock: uvicorn's own protocol waits for ever for who began a request and does not go on."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds within which the head of a request has to be there, from the first moment of a connection on.
HEAD_SECONDS = 15.0
#: Seconds without a byte of a request's body, and of a reader who takes nothing of an answer.
STALL_SECONDS = 30.0
#: Seconds for the whole of a body: 64 MB through a slow network.
BODY_SECONDS = 300.0
#: Connections at the same time; a browser holds six. Each one more is closed at once, so that the database's files
#: can still be opened.
MOST_CONNECTIONS = 300


class Protocol(H11Protocol):
    """One connection. It is cut off when its time is over; what was asked for and is under way goes on."""

    _waits_for = ""
    _until: asyncio.TimerHandle | None = None
    _last: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            return self._cut()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something came: what is waited for now?"""
        super().data_received(data)
        self._watch(heard=True)

    def on_response_complete(self) -> None:
        """Answered. uvicorn itself ends a connection on which nothing more comes."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone: no clock runs on."""
        self._stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The reader takes nothing."""
        super().pause_writing()
        self._reader = self._reader or self.loop.call_later(STALL_SECONDS, self._cut)

    def resume_writing(self) -> None:
        """The reader goes on."""
        super().resume_writing()
        if self._reader:
            self._reader.cancel()
        self._reader = None

    def _watch(self, *, heard: bool = False) -> None:
        state = self.conn.their_state
        waits_for = "head" if state is h11.IDLE else "body" if state is h11.SEND_BODY else ""
        if waits_for != self._waits_for:
            self._stop(reader=False)
            self._waits_for = waits_for
            if waits_for == "head":
                self._last = self.loop.call_later(HEAD_SECONDS, self._cut)
            elif waits_for == "body":
                self._last = self.loop.call_later(BODY_SECONDS, self._cut)
                self._until = self.loop.call_later(STALL_SECONDS, self._cut)
        elif heard and self._until:
            self._until.cancel()
            self._until = self.loop.call_later(STALL_SECONDS, self._cut)

    def _stop(self, *, reader: bool = True) -> None:
        for each in (self._last, self._until, self._reader if reader else None):
            if each:
                each.cancel()
        self._last = self._until = None

    def _cut(self, *_: Any) -> None:
        if not self.transport.is_closing():
            self.transport.abort()

"""Why a connection ends: one closed list for the code, the logs, the session's row and the client.

Pure. The WebSocket codes are those of docs/client-authors.md; `reconnect` tells a client whether coming back by itself makes sense,
`resumable` whether the session is still there for it.
"""

from __future__ import annotations

import enum

import attrs


@attrs.frozen
class CloseTerms:
    code: int
    reconnect: bool
    resumable: bool


class Close(enum.Enum):
    """The value is the word used in logs and rows."""

    QUIT = "quit"
    EOF = "eof"
    RESET = "reset"
    IDLE = "idle"
    KEEPALIVE = "keepalive"
    DETACHED = "detached"
    """The player left, and the character stays."""
    KICKED = "kicked"
    BANNED = "banned"
    REPLACED = "replaced"
    SLOW = "slow"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    LIMIT = "limit"
    DRAIN = "drain"
    TLS_FAILED = "tls-failed"
    INTERNAL = "internal"
    """A mistake of ours; the log has it."""

    @property
    def terms(self) -> CloseTerms:
        return _TERMS[self]


_TERMS = {
    Close.QUIT: CloseTerms(1000, reconnect=False, resumable=False),
    Close.EOF: CloseTerms(1001, reconnect=True, resumable=True),
    Close.RESET: CloseTerms(1001, reconnect=True, resumable=True),
    Close.IDLE: CloseTerms(4002, reconnect=False, resumable=True),
    Close.KEEPALIVE: CloseTerms(1001, reconnect=True, resumable=True),
    Close.KICKED: CloseTerms(4003, reconnect=False, resumable=False),
    Close.BANNED: CloseTerms(4003, reconnect=False, resumable=False),
    Close.REPLACED: CloseTerms(4001, reconnect=False, resumable=False),
    Close.DETACHED: CloseTerms(4004, reconnect=False, resumable=True),
    Close.SLOW: CloseTerms(4508, reconnect=True, resumable=True),
    Close.PROTOCOL: CloseTerms(4400, reconnect=False, resumable=False),
    Close.TOO_LARGE: CloseTerms(4413, reconnect=False, resumable=True),
    Close.LIMIT: CloseTerms(4429, reconnect=True, resumable=True),
    Close.DRAIN: CloseTerms(1001, reconnect=True, resumable=True),
    Close.TLS_FAILED: CloseTerms(1001, reconnect=False, resumable=False),
    Close.INTERNAL: CloseTerms(1011, reconnect=True, resumable=True),
}

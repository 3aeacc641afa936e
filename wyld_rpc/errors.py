"""Everything that `wyld_rpc` raises, with what the caller should do about it.

`LocalProtocolError` is our own mistake, `RemoteProtocolError` the other end's; bytes from outside raise only
the second.  `LinkError` says that the link failed to do something, `RpcError` that it worked and the answer
was no.

    WyldRpcError
        ProtocolError
            LocalProtocolError
                WindowFull
            RemoteProtocolError
                UnknownEvent
        LinkError
            LinkClosed    LinkBusy    CallTimeout
            VersionMismatch    WrongKey    OpeningRefused
        RpcError
"""

from __future__ import annotations

from typing import Any


class WyldRpcError(Exception):
    """Base of all errors of this package: catch it only where a link ends anyway."""


class ProtocolError(WyldRpcError):
    """Base of the two protocol families; never raised itself.  Catch one of the families."""

    def __init__(self, message: str) -> None:
        if type(self) is ProtocolError:
            raise TypeError("raise LocalProtocolError or RemoteProtocolError: whose mistake it was matters")
        super().__init__(message)


class LocalProtocolError(ProtocolError):
    """We asked for something impossible; nothing was sent.  Correct the calling code."""


class WindowFull(LocalProtocolError):
    """The window has no room for the item, which got no number.  Refuse the input, or wait for an acknowledgement."""


class RemoteProtocolError(ProtocolError):
    """The other end broke the protocol.  End this link; the sentence is fit for the log."""


class UnknownEvent(RemoteProtocolError):
    """An event of a kind that is not known here.  Raise it from `on_event`; the peer knows which may be ignored."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"unknown event {kind!r}")
        self.kind = kind


class LinkError(WyldRpcError):
    """The link did not do what was asked of it.  See the subclass."""


class LinkClosed(LinkError):
    """The link has ended; calls under way may or may not have been carried out.  Open a new link and reconcile."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LinkBusy(LinkError):
    """Too many calls are waiting for answers; nothing was sent.  Tell the user, or try again later."""


class CallTimeout(LinkError):
    """No answer within the deadline; the call may or may not have been carried out.  Repeat it only if it is safe to."""

    def __init__(self, method: str, deadline: float) -> None:
        super().__init__(f"no answer to {method!r} within {deadline:g} s")
        self.method = method
        self.deadline = deadline


class VersionMismatch(LinkError):
    """The two ends speak different protocol versions.  Upgrade the older one; trying again does not help."""

    def __init__(self, ours: int, theirs: int) -> None:
        super().__init__(f"this end speaks link protocol version {ours}, the other end {theirs}")
        self.ours = ours
        self.theirs = theirs


class WrongKey(LinkError):
    """The other end does not have our key.  Give both processes the same link key; trying again does not help."""


class OpeningRefused(LinkError):
    """The world did not accept the opening and said why.  Log the sentence and try again later."""


class RpcError(WyldRpcError):
    """The call was answered with an error: `code` is for programs, `message` for people, `data` as documented by the method."""

    def __init__(self, code: str, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.data = data

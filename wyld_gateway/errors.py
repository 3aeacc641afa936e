"""What can go wrong in the gateway, in two families: what we did wrong, and what the other side did.

Hostile bytes raise only members of `RemoteError`.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Never raised itself."""


class LocalError(GatewayError):
    """We misused one of our own parts: a defect, let it end the task."""


class RemoteError(GatewayError):
    """A client, a proxy, the world or the network did it: end that one connection, or tell its player."""


class HandshakeFailed(RemoteError):
    """The client did not become one of ours in time: say `str(error)` if it can hear, and close."""


class TransportBroken(RemoteError):
    """The connection is gone: stop writing; the reader sees it too."""


class WorldAway(RemoteError):
    """There is no link to the world, or it was lost before the answer came: wait for it and ask again."""


class NoAnswer(RemoteError):
    """The world is there but gave no answer of use: tell the player that it did not work, and let him try again."""

"""What can end the world's process, and what only looks like it. Bytes of a gateway raise only `wyld_rpc`'s remote family; the
database's errors are `wyld_service`'s.
"""

from __future__ import annotations

from wyld_service.errors import ServiceError


class FencedOff(ServiceError):
    """Another world has taken this database over; end the process, everything that it had released was committed or is kept."""


class CommitRefused(ServiceError):
    """The database refused a commit and would refuse it again; end the process, the next one starts from the last commit."""


class Undone(Exception):
    """What was attempted raised because of a mistake in our code; it is logged and undone. Tell whoever asked, and go on."""

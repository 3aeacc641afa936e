"""The two error families of the telnet codec.

What the peer did wrong never leaves the codec as an exception: telnet has an answer for every byte, so
`TelnetConnection.receive_data` returns events and raises nothing. The remote family exists for the option
modules, whose decoders raise it and whose caller, the connection, turns it into a `SubnegotiationRejected`
event.
"""

from __future__ import annotations


class TelnetError(Exception):
    """Base of both families; never raised itself."""


class LocalProtocolError(TelnetError):
    """We asked the codec for something that the connection's state forbids. A bug of the caller: let it show."""


class RemoteProtocolError(TelnetError):
    """The body of a subnegotiation breaks its RFC. Drop the subnegotiation, count it, go on."""

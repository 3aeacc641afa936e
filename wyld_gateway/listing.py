"""What listing sites are told about this game (MSSP), each value read from what is really so when somebody asks.

Players are those who play, and those whose connection was lost less than a minute ago; whoever only looks at the login screen is none,
and so are the sites themselves. The time of the start is the gateway's: players do not notice a restart of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final

import attrs

from wyld_gateway.sessions.lifecycle import State
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.telnet.connection import OPTIONS
from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.options.mssp import Status
from wyld_service.settings import ListingSettings

LOST_COUNT: Final = 60.0
"""Seconds for which a player whose connection was lost still counts."""

_OPTIONAL: Final = {
    "CONTACT": "contact",
    "HOSTNAME": "hostname",
    "LANGUAGE": "language",
    "WEBSITE": "website",
}

_BY_OPTION: Final = {
    "GMCP": OptionCode.GMCP,
    "MCCP": OptionCode.MCCP2,
    "MSDP": OptionCode.MSDP,
    "MSP": OptionCode.MSP,
    "MXP": OptionCode.MXP,
}
"""The protocols that are telnet options."""

_ALWAYS: Final = ("ANSI", "UTF-8", "XTERM 256 COLORS", "XTERM TRUE COLORS")
_NEVER: Final = ("MCP", "PUEBLO")


@attrs.define
class Listing:
    """One for the whole gateway.

    Attributes:
        started: When the gateway did, in seconds since 1970.
        ports, tls_ports: Where telnet players are accepted, and where they are with TLS; set when the listeners are open.
    """

    _settings: ListingSettings
    _registry: Registry
    _clock: Callable[[], float]
    started: float
    ports: Sequence[int] = ()
    tls_ports: Sequence[int] = ()

    @property
    def name(self) -> str:
        """The game's."""
        return self._settings.name

    def status(self) -> Status:
        """The variables, as of now."""
        spoken = {option.code for option in OPTIONS}
        flags = {name: code in spoken for name, code in _BY_OPTION.items()}
        flags |= dict.fromkeys(_ALWAYS, True) | dict.fromkeys(_NEVER, False)
        told = {name: getattr(self._settings, field) for name, field in _OPTIONAL.items()}
        return {
            "NAME": [self.name],
            "PLAYERS": [str(self._players())],
            "UPTIME": [str(int(self.started))],
            "CODEBASE": [f"Wyld {version('wyld')}"],
            "CRAWL DELAY": ["-1"],
            **self._doors(),
            **{name: [value] for name, value in told.items() if value},
            **{name: [str(int(on))] for name, on in flags.items()},
        }

    def _doors(self) -> Status:
        """The encrypted port under its new name and its old one, each of which some clients look for."""
        told = {}
        if self.ports:
            told["PORT"] = [str(port) for port in self.ports]
        if self.tls_ports:
            told["TLS"] = told["SSL"] = [str(self.tls_ports[-1])]
        return told

    def _players(self) -> int:
        counts = self._registry.counts
        playing = counts[State.PLAYING]
        if not counts[State.DISCONNECTED]:
            return playing
        since = self._clock() - LOST_COUNT
        return playing + sum(
            session.detached_at is not None and session.detached_at >= since
            for session in self._registry.in_play()
        )

"""What a client's answers to the negotiation say about itself and its screen.

For the character set: what CHARSET agreed on, then the variable of that name, then the MTTS bits. For
colours: the MTTS bits, then the names of the terminal, then whether the client negotiated at all: one that
answered nothing may be a program and gets none. MTTS as a variable is newer than MTTS as a terminal type.
What the player set by hand counts more than all of it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from wyld_gateway.preferences import Preferences
from wyld_gateway.telnet.charsets import codec_of
from wyld_gateway.telnet.events import TerminalType, WindowSize
from wyld_gateway.telnet.gmcp_login import Hello
from wyld_gateway.telnet.options.terminal_type import Mtts
from wyld_gateway.terminal import ClientProfile, Colours
from wyld_gateway.terminal.profile import DEFAULT_WIDTH

#: The names that terminals give themselves; any other first name is that of a client program.
_TERMINAL = re.compile(
    r"(DUMB|ANSI|VT\d|XTERM|LINUX|SCREEN|TMUX|RXVT|KONSOLE|CYGWIN|UNKNOWN|NETWORK-VIRTUAL)"
)

_MTTS = re.compile(r"\d{1,9}")


@attrs.frozen
class Evidence:
    """Everything that a client told so far."""

    negotiates: bool = False
    """It agreed to some option."""

    terminal: TerminalType | None = None
    window: WindowSize | None = None
    environment: Mapping[str, str] = attrs.field(factory=dict)
    codec: str | None = None
    """What CHARSET agreed on."""

    hello: Hello | None = None
    """What it called itself in GMCP."""

    answers_timing_marks: bool = False
    """It answers every TIMING-MARK."""

    @property
    def mtts(self) -> Mtts | None:
        """What the client says it can do, if it says so."""
        variable = self.environment.get("MTTS", "")
        if _MTTS.fullmatch(variable):
            return Mtts(int(variable))
        if self.terminal and self.terminal.mtts is not None:
            return Mtts(self.terminal.mtts)
        return None

    @property
    def client_name(self) -> str:
        """The client program, as it calls itself; empty if unknown."""
        in_gmcp = self.hello.client if self.hello else ""
        return self.environment.get("CLIENT_NAME") or in_gmcp or self._type_names[0]

    @property
    def client_version(self) -> str:
        """The version of the client program; empty if unknown."""
        in_gmcp = self.hello.version if self.hello else ""
        return self.environment.get("CLIENT_VERSION") or in_gmcp

    @property
    def terminal_type(self) -> str:
        """The terminal that the client is or imitates; empty if unknown."""
        return self.environment.get("TERMINAL_TYPE") or self._type_names[1]

    @property
    def _type_names(self) -> tuple[str, str]:
        names = self.terminal.names if self.terminal else ()
        if names and _TERMINAL.match(names[0]):
            return "", names[0]
        client, terminal, *_ = (*names, "", "")
        return client, terminal

    @property
    def profile(self) -> ClientProfile:
        """The screen that follows from all this."""
        mtts = self.mtts
        return ClientProfile(
            width=(self.window and self.window.width) or DEFAULT_WIDTH,
            colours=self._colours(mtts),
            encoding=self.codec or self._variable_codec or _encoding(mtts),
            screen_reader=(mtts is not None and Mtts.SCREEN_READER in mtts)
            or self.environment.get("SCREEN_READER") == "1",
        )

    @property
    def _variable_codec(self) -> str | None:
        return codec_of(self.environment.get("CHARSET", ""))

    def _colours(self, mtts: Mtts | None) -> Colours:
        if mtts is not None:
            if Mtts.TRUECOLOR in mtts:
                return Colours.TRUECOLOR
            if Mtts.COLOURS_256 in mtts:
                return Colours.ANSI_256
            return Colours.ANSI_16 if Mtts.ANSI in mtts else Colours.NONE
        names = self.terminal.names if self.terminal else ()
        if any(name.endswith(("TRUECOLOR", "DIRECT")) for name in names):
            return Colours.TRUECOLOR
        if any(name.endswith("256COLOR") for name in names):
            return Colours.ANSI_256
        return Colours.ANSI_16 if self.negotiates and "DUMB" not in names else Colours.NONE


def preferred(profile: ClientProfile, preferences: Preferences) -> ClientProfile:
    """`profile` with what the player set by hand in the place of what the client told."""
    screen_reader, width = preferences.screen_reader, preferences.width
    return ClientProfile(
        width=profile.width if width is None else width or None,
        colours=profile.colours if preferences.colours is None else preferences.colours,
        encoding=preferences.charset or profile.encoding,
        screen_reader=profile.screen_reader if screen_reader is None else screen_reader,
    )


def _encoding(mtts: Mtts | None) -> str:
    """Only who speaks MTTS can say that UTF-8 is beyond it."""
    return "utf-8" if mtts is None or Mtts.UTF_8 in mtts else "latin-1"

"""What a client's answers to the negotiation say about its screen.

The evidence, best first: the bits of the MTTS answer, the names of the terminal, and whether the client
negotiated at all. A client that answered nothing may be a program: it gets no colours. Pure.
"""

from __future__ import annotations

import re

from wyld_gateway.telnet.events import TerminalType, WindowSize
from wyld_gateway.telnet.options.terminal_type import Mtts
from wyld_gateway.terminal import ClientProfile, Colours
from wyld_gateway.terminal.profile import DEFAULT_WIDTH

#: The names that terminals give themselves; any other first name is that of a client program.
_TERMINAL = re.compile(
    r"(DUMB|ANSI|VT\d|XTERM|LINUX|SCREEN|TMUX|RXVT|KONSOLE|CYGWIN|UNKNOWN|NETWORK-VIRTUAL)"
)


def client_and_terminal(answers: TerminalType | None) -> tuple[str, str]:
    """The names of the client program and of its terminal, as it gave them; empty where it gave none."""
    names = answers.names if answers else ()
    if names and _TERMINAL.match(names[0]):
        return "", names[0]
    return (*names[:2], "", "")[0], (*names[:2], "", "")[1]


def profile_of(answers: TerminalType | None, window: WindowSize | None, *, negotiates: bool) -> ClientProfile:
    """The profile that follows from what is known so far. `negotiates`: whether the client agreed to
    anything.
    """
    bits = Mtts(answers.mtts) if answers and answers.mtts is not None else None
    return ClientProfile(
        width=(window and window.width) or DEFAULT_WIDTH,
        colours=_colours(answers, bits) if answers or negotiates else Colours.NONE,
        # Only who speaks MTTS can say that UTF-8 is beyond it.
        encoding="utf-8" if bits is None or Mtts.UTF_8 in bits else "latin-1",
        screen_reader=bits is not None and Mtts.SCREEN_READER in bits,
    )


def _colours(answers: TerminalType | None, bits: Mtts | None) -> Colours:
    names = answers.names if answers else ()
    if bits is not None:
        if Mtts.TRUECOLOR in bits:
            return Colours.TRUECOLOR
        if Mtts.COLOURS_256 in bits:
            return Colours.ANSI_256
        return Colours.ANSI_16 if Mtts.ANSI in bits else Colours.NONE
    if any(name.endswith(("TRUECOLOR", "DIRECT")) for name in names):
        return Colours.TRUECOLOR
    if any(name.endswith("256COLOR") for name in names):
        return Colours.ANSI_256
    return Colours.NONE if "DUMB" in names else Colours.ANSI_16

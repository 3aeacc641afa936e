"""What the game says, as text for one kind of terminal.

General layout, each module imports only those above it: `profile` what is known of a client's screen;
`colours` numbers of colours and how to come down to fewer; `styles` the world's style names as escape
sequences; `strip` the control characters that players must not send each other; `sgr` the colours of
drawings, brought down to what a terminal has; `wrap` lines that fit, by display width; `render` joins them: one
output and one profile give one text.

All of it is pure: no I/O, no state. The same output and an equal profile give the same text, so a rendering
can be shared by all who have that profile.
"""

from __future__ import annotations

from wyld_gateway.terminal.colours import Colours
from wyld_gateway.terminal.profile import ClientProfile
from wyld_gateway.terminal.render import render
from wyld_gateway.terminal.strip import strip_controls
from wyld_gateway.terminal.wrap import wrap

__all__ = ["ClientProfile", "Colours", "render", "strip_controls", "wrap"]

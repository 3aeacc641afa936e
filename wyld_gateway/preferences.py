"""What a player set by hand: it counts more than anything that the client told about itself.  (pure)

`verbs` fills it in, an adapter follows it. It belongs to the connection and ends with it.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from wyld_gateway.terminal import Colours

MIN_WIDTH: Final = 20
MAX_WIDTH: Final = 500
"""Columns: narrower is unreadable, wider is no window."""

MIN_KEEPALIVE: Final = 10
MAX_KEEPALIVE: Final = 600
"""Seconds: more often is noise on a phone's radio, more seldom keeps no router's table alive."""

UNWRAPPED: Final = 0
NEVER: Final = 0


class PromptStyle(enum.Enum):
    """How prompts are shown. The values are what a player types."""

    ON = "on"
    """At the end of the output, with the input behind it."""
    NEWLINE = "newline"
    """On a line of its own, for clients that hold back a line without an end."""
    OFF = "off"
    """Not at all; the questions of a login are asked all the same."""


@attrs.frozen
class Preferences:
    """None wherever the player set nothing."""

    charset: str | None = None
    """A codec name that Python knows."""

    colours: Colours | None = None

    width: int | None = None
    """Columns, `MIN_WIDTH` to `MAX_WIDTH`, or `UNWRAPPED`."""

    screen_reader: bool | None = None

    keepalive: int | None = None
    """Seconds of silence, `MIN_KEEPALIVE` to `MAX_KEEPALIVE`, or `NEVER`."""

    prompt: PromptStyle | None = None


SUBJECTS: Final = {
    "charset": "Character set",
    "colours": "Colours",
    "width": "Width",
    "screen_reader": "Screen reader",
    "keepalive": "Keepalive",
    "prompt": "Prompt",
}
"""What players read about each field of `Preferences`."""

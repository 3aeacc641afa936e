"""What is known of a client's screen, as one hashable value that renderings can be shared by. Pure."""

from __future__ import annotations

import attrs

from wyld_gateway.terminal.colours import Colours

#: Columns of a terminal that did not tell its width.
DEFAULT_WIDTH = 80


@attrs.frozen
class ClientProfile:
    """Two clients with equal profiles are shown exactly the same bytes; nothing that does not change them
    belongs here.
    """

    width: int | None = DEFAULT_WIDTH
    """Columns to wrap at, at least 1, or None not to wrap."""

    colours: Colours = Colours.NONE

    encoding: str = "utf-8"
    """A codec name that Python knows."""

    screen_reader: bool = False
    """Text is read aloud: never wrapped, without drawings, one fact on a line."""

    @property
    def wrap_width(self) -> int | None:
        """Columns to wrap at; None for a screen reader, which wraps by itself and would stumble over line
        ends in a sentence.
        """
        return None if self.screen_reader else self.width

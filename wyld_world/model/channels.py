"""The channels that people talk on: the names that outputs carry, and what a client's tabs may be called."""

from __future__ import annotations

import enum

from wyld_rpc.messages import Text


class Channel(enum.Enum):
    """The value is the channel's name, and the command that talks on it."""

    SAY = "say"
    TELL = "tell"
    SHOUT = "shout"
    OOC = "ooc"

    @property
    def caption(self) -> str:
        return _CAPTIONS[self]

    def line(self, talker: str, text: str) -> Text:
        """What somebody says on this channel, as its hearers read it."""
        return Text(text, self.value, talker)


_CAPTIONS = {
    Channel.SAY: "Said around you",
    Channel.TELL: "Told to one person",
    Channel.SHOUT: "Shouted nearby",
    Channel.OOC: "Out of character",
}

"""What was agreed with a telnet client and what counts for it, in words for its player. Pure."""

from __future__ import annotations

from wyld_gateway.preferences import SUBJECTS, Preferences, PromptStyle
from wyld_gateway.telnet.charsets import name_of
from wyld_gateway.telnet.connection import END_OF_RECORD, GO_AHEAD
from wyld_gateway.terminal import ClientProfile, Colours

_COLOURS = {
    Colours.NONE: "none",
    Colours.ANSI_16: "16",
    Colours.ANSI_256: "256",
    Colours.TRUECOLOR: "all",
}
_MARKS = {b"": "without a mark", GO_AHEAD: "marked by GA", END_OF_RECORD: "marked by EOR"}


def settings_in_words(
    profile: ClientProfile, preferences: Preferences, *, prompt_mark: bytes, keepalive: int
) -> dict[str, str]:
    """What counts for each subject of `preferences.SUBJECTS`, and whether the player set it by hand.

    `profile` is the one that renders; `keepalive` is in seconds, 0 for never.
    """
    width = profile.wrap_width
    words = {
        "charset": name_of(profile.encoding),
        "colours": _COLOURS[profile.colours],
        "width": f"lines are broken at {width} columns" if width else "lines are not broken",
        "screen_reader": "on" if profile.screen_reader else "off",
        "keepalive": f"after {keepalive} s of silence" if keepalive else "off",
        "prompt": f"{(preferences.prompt or PromptStyle.ON).value}, {_MARKS[prompt_mark]}",
    }
    return {
        SUBJECTS[field]: said if getattr(preferences, field) is None else f"{said}, set by hand"
        for field, said in words.items()
    }

"""Small pieces of sentences that players read.  (pure)"""

from __future__ import annotations

import re

_IPV4 = re.compile(r"([0-9]{1,3}\.[0-9]{1,3})\.[0-9]{1,3}\.[0-9]{1,3}:[0-9]+")


def for_how_long(seconds: float) -> str:
    """A time as people say it, in its two largest units: "40 s", "3 min 12 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    large, small, units = (
        (whole // 60, whole % 60, ("min", "s"))
        if whole < 3600
        else (
            whole // 3600,
            whole % 3600 // 60,
            ("h", "min"),
        )
    )
    return f"{large} {units[0]} {small} {units[1]}" if small else f"{large} {units[0]}"


def restart_ahead(seconds: float, reason: str) -> str:
    """That the world restarts soon: when first, then what to do, then why."""
    whole = max(1, round(seconds))
    number, unit = (whole // 60, "minute") if whole >= 120 and whole % 60 == 0 else (whole, "second")
    text = f"The world restarts in {number} {unit}{'s' if number > 1 else ''}. Stay connected."
    return f"{text} Reason: {reason}" if reason else text


def masked(peer: str) -> str:
    """An address by which its owner knows it again, and nobody else finds it: "a connection at 10.0.x.x"."""
    match = _IPV4.fullmatch(peer)
    if match is not None:
        return f"a connection at {match[1]}.x.x"
    if peer.startswith("["):
        return f"a connection at {':'.join(peer[1:].split(':')[:2])}:..."
    return "another connection"


def quoted(lines: list[str], most: int = 5) -> str:
    """Lines in quotation marks; of many, the newest ones and how many there are besides: '2 others, "n", "look"'."""
    shown = ", ".join(f'"{line}"' for line in lines[-most:])
    hidden = len(lines) - most
    return f"{hidden} others, {shown}" if hidden > 0 else shown

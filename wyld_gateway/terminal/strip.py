"""Takes out of a text what would steer a terminal. Pure.

A player who could send ESC to another's terminal could clear it, rename it, or make it type. Whatever people
write passes here.
"""

from __future__ import annotations

import re

# CSI sequences as a whole, so that "ESC [ 31 m" leaves no "[31m" behind; then ESC, C0 but TAB, LF and CR,
# DEL, and C1.
_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def strip_controls(text: str) -> str:
    """`text` without escape sequences and control characters; TAB, LF and CR stay. The same object where
    there is nothing to strip.
    """
    return text if text.isprintable() else _CONTROLS.sub("", text)

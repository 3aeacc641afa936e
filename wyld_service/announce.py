"""How a process tells whoever started it where it listens and that it is ready.

One line each on standard output, at once: `telnet 127.0.0.1:4000`, `Ready.`. Standard output carries nothing else;
logs go to standard error.
"""

from __future__ import annotations

import sys


def announce(line: str) -> None:
    """Write one line to standard output and flush it. Once nobody reads it any more, nothing happens."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        pass  # the reader has gone; whether that ends the process is not for this function to say

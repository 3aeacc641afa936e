"""What one client may cost, where it is no setting: each bound with its reason.  (pure)

Settings (`wyld_service.settings.LimitsSettings`) hold what an operator may want to change; what stands here follows from how
the parts work together.
"""

from __future__ import annotations

from typing import Final

from wyld_rpc.numbering import Overflow, WindowLimits

COMMANDS: Final = WindowLimits(256, 64 * 1024, Overflow.REFUSE)
"""Commands of one session that the world has not confirmed: a long paste, or half a minute of fast typing while the world is away."""

UNACKED_BY_CLIENT: Final = 64
"""Commands that a client which numbers them sends before it waits to hear that they are safe."""

OUTPUTS: Final = WindowLimits(2_000, 512 * 1024, Overflow.EVICT, 15 * 60.0)
"""Outputs kept of a session whose client is gone, as many as the world keeps: more than anybody reads after a pause."""

IN_FLIGHT: Final = 4096
"""Commands of one gateway that are under way to the world: eight of its ticks. More would only wait there instead of here."""

WAITING_LINES: Final = 64
"""Lines that are kept while the login waits for something: a script sends a handful."""

QUEUE_ITEMS: Final = 4096
"""Writes that wait for a client's socket; `limits.output_queue` bounds their bytes. One for each tick: at least half a minute."""

STALLED: Final = 20.0
"""Seconds after which a client that takes no byte of what waits for it counts as gone."""

FLUSH: Final = 2.0
"""Seconds that the last words to a client may take; whoever cannot hear them by then will not."""

PING_AFTER: Final = 25.0
PONG_WITHIN: Final = 10.0
"""Seconds of silence before a client is asked for a sign of life, and how long it has for it: a dropped tab is noticed within 40 s."""

SWEEP_INTERVAL: Final = 1.0
"""Seconds between two looks at all connections; every deadline above may be late by so much."""

ACCOUNT_NAME: Final = 64
PASSWORD: Final = 256
CHARACTER_NAME: Final = 64
"""Characters. The world's own rules are stricter and stated in its words; these keep nonsense off the link."""

NOTICE: Final = 24 * 3600.0
"""Seconds ahead that a world may announce its stop: a longer time is nonsense."""

METADATA_TEXT: Final = 128
"""Characters of anything that a client tells about itself and that goes into the session's row."""

CLOSED_KEPT: Final = 24 * 3600.0
"""Seconds for which the rows of closed sessions stay, for whoever asks why a player was dropped."""

EXPIRY_GRACE: Final = 60.0
"""Seconds beyond the detached time. The world ends detached sessions; the gateway only tidies up what no world knows any more."""

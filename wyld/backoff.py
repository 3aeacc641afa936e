"""How long to wait before something that died is started again (pure: imports neither trio nor time).

The delay doubles from `FIRST_DELAY` to `LONGEST_DELAY`; a life of `HEALTHY_LIFE` or longer starts the series over.
"""

import attrs

# Seconds. Short enough that players hardly notice one crash.
FIRST_DELAY = 0.5
# Seconds. A program that dies at once must not keep two cores busy, yet come back soon after it was mended.
LONGEST_DELAY = 15.0
# Seconds. Whoever lived this long died of something new.
HEALTHY_LIFE = 60.0


@attrs.define
class Backoff:
    """The series of delays of one restarted thing."""

    _next: float = FIRST_DELAY

    def after_life_of(self, seconds: float) -> float:
        """The delay, in seconds, before the next start of something that has just lived for `seconds`."""
        if seconds >= HEALTHY_LIFE:
            self._next = FIRST_DELAY
        delay = self._next
        self._next = min(delay * 2, LONGEST_DELAY)
        return delay

"""How much anybody may send, so that no page and no stranger can bring the studio down."""

from __future__ import annotations

import time

__all__ = ["MESSAGE_BYTES", "UPLOAD_BYTES", "Allowance"]

MESSAGE_BYTES = 2**20
"""Of one message to the server."""

UPLOAD_BYTES = 16 * 2**20
"""Of one file that is opened."""

CONNECTIONS = 16
"""WebSockets at once."""

UNSENT = 4096
"""Messages that may wait for one page; one that takes none for so long is closed."""


class Allowance:
    """So much a second, and so much at once (a token bucket).

    >>> allowance = Allowance(a_second=1, at_once=2)
    >>> allowance.spend(2), allowance.spend(1)
    (True, False)
    """

    def __init__(self, *, a_second: float, at_once: float) -> None:
        self._a_second, self._at_once = a_second, at_once
        self._left, self._when = at_once, time.monotonic()

    def spend(self, amount: float) -> bool:
        """Return whether so much is allowed now, and count it if it is."""
        now = time.monotonic()
        self._left = min(self._left + (now - self._when) * self._a_second, self._at_once)
        self._when = now
        if amount > self._left:
            return False
        self._left -= amount
        return True

"""Laws of its contract that an encoder declares it cannot keep, and what follows for nats.

Some encodings have several spellings for a piece (a learnt vocabulary), or go back in time from
step to step (one track after the other). Such an encoder has an attribute or property `exemptions`:
by the name of a law, as `howlkit plugins check` prints it, the reason why it does not hold.
docs/hooks.md lists the laws that may be declared, and what is checked in their place.
"""

from __future__ import annotations

from collections.abc import Mapping

from howlkit.protocols import Encoder

__all__ = ["EXCERPTS", "PUSHING", "ROUND_TRIP", "exemptions", "why_at_most"]

ROUND_TRIP = "round trip"
EXCERPTS = "excerpts give the whole"
PUSHING = "decode equals pushing"


def exemptions(encoder: Encoder) -> Mapping[str, str]:
    """Return the declared exemptions of an encoder: by the name of the law, the reason."""
    declared: Mapping[str, str] = getattr(encoder, "exemptions", {})
    return declared


def why_at_most(encoder: Encoder) -> str:
    """Return the reason why nats under this encoder are an upper bound; "" if they are exact.

    The probability of a piece is the sum over all its spellings. If there are several, the one that
    `encode` writes costs at least as many nats as the piece.
    """
    return exemptions(encoder).get(ROUND_TRIP, "")

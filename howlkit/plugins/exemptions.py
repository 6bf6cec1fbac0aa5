"""Laws of its contract that an encoder says it cannot keep by its nature, and what follows.

Some encodings cannot have one spelling for a piece (a vocabulary that is learnt), or step through
time without going back (one track after the other). Such an encoder has an attribute or property
`exemptions`: by the name of a law, as `howlkit plugins check` prints it, why it does not hold.
docs/hooks.md says which laws may be declared, and what is checked in their place.
"""

from __future__ import annotations

from collections.abc import Mapping

from howlkit.protocols import Encoder

__all__ = ["EXCERPTS", "PUSHING", "ROUND_TRIP", "exemptions", "why_at_most"]

ROUND_TRIP = "round trip"
EXCERPTS = "excerpts give the whole"
PUSHING = "decode equals pushing"


def exemptions(encoder: Encoder) -> Mapping[str, str]:
    """Return what an encoder declares: by the name of the law, why it does not hold."""
    declared: Mapping[str, str] = getattr(encoder, "exemptions", {})
    return declared


def why_at_most(encoder: Encoder) -> str:
    """Return why nats by this encoder are more than those of the piece; "" where they are not.

    The probability of a piece is that of all its spellings together. Where there are several, the
    one that `encode` writes costs at least as many nats as the piece.
    """
    return exemptions(encoder).get(ROUND_TRIP, "")

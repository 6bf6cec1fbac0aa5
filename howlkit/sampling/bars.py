"""The bar in which music begins, for lengths in bars: by the steps, or by the piece to be like."""

from __future__ import annotations

from howlkit.constraints import Setting
from howlkit.music.piece import Piece
from howlkit.protocols import Encoder
from howlkit.schema import Steps

__all__ = ["bar_at", "beats_a_bar"]


def beats_a_bar(like: Piece | None) -> float:
    """Return the beats of a bar in the metre in which music like a piece goes on; 4 without one."""
    return Setting("beats", 1, like=like).beats_a_bar


def bar_at(
    encoder: Encoder, steps: Steps, like: Piece | None, position: float
) -> tuple[float, float]:
    """Return the beat at which the bar of a position (beats) begins, and the beats of the bar.

    Bars are those of `like`, or of the steps (T,) so far where it says none.
    """
    metres = like if like is not None and len(like.time_signatures) else encoder.decode(steps)
    begin, length = metres.bar_at(round(position * metres.ticks_per_beat))
    return begin / metres.ticks_per_beat, length / metres.ticks_per_beat

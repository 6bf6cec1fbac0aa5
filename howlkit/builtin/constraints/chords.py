"""Constraint `chords`: the notes of a progression, by law on strong beats and by a push elsewhere.

Strong beats are the first of a bar; in 4/4, and wherever the number of beats is divisible by four,
the middle one too, and in 2/2 the second; in compound metres (6/8, 9/8, 12/8) each dotted beat. A
note is on a strong beat if it begins within an eighth of a beat (a quarter note) of it, and it
belongs to the chord that has begun by then, an eighth of a beat counted as being there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from howlkit.constraints.rules import FORBIDDEN, PitchRule
from howlkit.constraints.setting import Setting
from howlkit.errors import HowlkitError, OptionError
from howlkit.music.chords import Progression
from howlkit.options import option

__all__ = ["Chords", "strong_beats"]

SLOT = Fraction(1, 4)  # beats
EARLY = SLOT / 2  # a slot is around its position

MOST_SLOTS = 100_000


@dataclass(frozen=True)
class Chords:
    """Notes of a chord progression, which repeats; drums are left alone."""

    progression: str = option(
        "C | F | G | C", "one chord a bar, several that share it, or with beats: 'Dm:3 A7:1'"
    )
    soft: float = option(
        2.0, "nats against other notes off the strong beats; 0: none", low=0.0, high=100.0
    )

    name: ClassVar[str] = "chords"

    def __post_init__(self) -> None:
        """Refuse a text that is no progression."""
        try:
            Progression.of(self.progression)
        except HowlkitError as error:
            raise OptionError(f"chords.progression: {error}") from None

    def begin(self, setting: Setting) -> PitchRule:
        """Return the rule; HowlkitError if the beats of the chords do not fit the bars."""
        bar = Fraction(4 * setting.time_signature[0], setting.time_signature[1])
        try:
            chords = [*Progression.of(self.progression).lasting(bar)]
        except HowlkitError as error:
            if setting.prompt is not None:  # its time signature stays
                raise
            metre = "{}/{}".format(*setting.time_signature)
            raise HowlkitError(f"{error}, or choose another time signature than {metre}") from None
        ends = [Fraction(0)]
        for _, beats in chords:
            ends.append(ends[-1] + beats)
        strong = strong_beats(*setting.time_signature)
        slots_a_beat = _slots_a_beat([bar, *ends, *strong])
        count = int(ends[-1] * slots_a_beat)
        if count > MOST_SLOTS:
            raise HowlkitError(
                f"the chords {self.progression!r} begin at positions that have no common grid of "
                f"at most {MOST_SLOTS:,} slots; give them beats such as 1.5, 4/3 or 1/4"
            )
        position = np.arange(count)  # of the slots, in slots
        begins = np.array([int(end * slots_a_beat) for end in ends])
        chord = np.searchsorted(begins, position, side="right") - 1
        around = int(SLOT * slots_a_beat)  # the slots that are on a beat
        within = position % int(bar * slots_a_beat)
        on_beat = np.zeros(count, bool)
        for beat in strong:
            first = int(beat * slots_a_beat)
            on_beat |= (within >= first) & (within < first + around)
        belongs = np.array([np.isin(np.arange(128) % 12, each.classes) for each, _ in chords])
        soft, hard = (np.where(belongs, 0.0, cost) for cost in (-self.soft, FORBIDDEN))
        # A piece in seconds, without a prompt, is written from its first note on.
        by_bars = setting.clock == "beats" or setting.prompt is not None
        return PitchRule(
            np.concatenate((soft, hard)),
            chord + len(chords) * on_beat,
            slot=1 / slots_a_beat,
            early=float(EARLY),
            beats_a_unit=setting.beats_a_unit,
            divisions=setting.divisions,
            bar=float(bar) if by_bars else 0.0,
            offset=setting.bar_offset,
        )


def strong_beats(numerator: int, denominator: int) -> list[Fraction]:
    """Return the strong beats of a bar, in quarter notes from its beginning (module docstring).

    >>> [float(beat) for beat in strong_beats(4, 4)], [float(beat) for beat in strong_beats(6, 8)]
    ([0.0, 2.0], [0.0, 1.5])
    """
    note = Fraction(4, denominator)
    if numerator % 3 == 0 and numerator > 3:
        return [3 * note * beat for beat in range(numerator // 3)]
    if numerator % 4 == 0 or (numerator, denominator) == (2, 2):
        return [Fraction(0), note * numerator / 2]
    return [Fraction(0)]


def _slots_a_beat(positions: Iterable[Fraction]) -> int:
    """Return how many slots of equal length a beat needs for all positions to be whole slots."""
    return math.lcm(SLOT.denominator, *(position.denominator for position in positions))

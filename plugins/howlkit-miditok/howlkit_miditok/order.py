"""The one way in which MidiTok writes music, so that a piece has one spelling.

Notes at one tick come by program (drums last; in MuMIDI first), pitch, velocity and duration; of
one program, note-offs come before notes, in the order in which their notes began. A long shift is
the longest one as often as it fits, then what is left. A rank is the place of a token among those
of its type.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field
from typing import Protocol

from howlkit_miditok.rules import ENDS, PITCHES, STARTS, Rules

Metres = tuple[tuple[int, str], ...]
"""Ticks, rising, and the metres that begin there, as MidiTok writes them."""

__all__ = ["Metres", "Order", "exemptions", "rank"]

OFF, ON = 0, 1
DRUMS_LAST = 128


def exemptions(rules: Rules) -> dict[str, str]:
    """Return which laws of an encoder do not hold, and why: docs/hooks.md of howlkit."""
    learnt, mmm = bool(rules.tokenizer.is_trained), rules.name == "MMM"
    found = {}
    if not rules.ordered:
        found["round trip"] = (
            "the same notes can be spelt in several learnt tokens"
            if learnt
            else "MidiTok takes notes, and what is told between them, in several orders"
        )
    if learnt:
        found["excerpts give the whole"] = "what is learnt may join tokens on both sides of a cut"
        found["decode equals pushing"] = "notes begin inside a learnt token"
    if mmm:
        found["excerpts give the whole"] = "one track is told after the other, from its beginning"
        found["decode equals pushing"] = "time begins anew with every track"
    if rules.name == "PerTok":
        found["decode equals pushing"] = "notes lie off the position that is told"
    return found


def rank(name: str, kind: str, value: str) -> int:
    """Return the place of a token among those of its type.

    name: of the tokenizer. Of a duration: its beats, and parts of a beat, in 2^20ths of a beat.
    """
    if kind == "Program":
        return DRUMS_LAST if value == "-1" and name != "MuMIDI" else int(value)
    if kind == "Duration":
        beats, parts, of = map(int, value.split("."))
        return (beats << 20) + (parts << 20) // of
    return int(value) if value.isdigit() else 0


class Now(Protocol):
    """What an order needs to know of the clock of its row (clock.py has the meanings)."""

    tick: int
    beat: int
    program: int
    pending: str


@dataclass
class Order:
    """What one row has told at its tick.

    floor: the ranks of the last note, or its end, at this tick; () if there is none. told: those of
    the note that is being told. room: ticks that a further shift must stay below. onsets: by
    program and pitch, when the notes that sound began, the first one first. metre_since: the tick
    at which the metre began. metres: when metres begin and which, if they are settled.
    """

    rules: Rules
    tick: int = 0
    floor: tuple[int, ...] = ()
    told: tuple[int, ...] = ()
    room: float = math.inf
    onsets: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    metre_since: int = 0
    metres: Metres = ()

    def copy(self) -> Order:
        """Return an independent copy."""
        return Order(
            self.rules,
            self.tick,
            self.floor,
            self.told,
            self.room,
            self.onsets.copy(),
            self.metre_since,
            self.metres,
        )

    def metre_at(self, tick: int) -> str:
        """Return the metre that holds from a tick on; "" if any may."""
        begun = bisect.bisect_right(self.metres, tick, key=lambda change: change[0])
        return self.metres[begun - 1][1] if begun else ""

    def until_metre(self, tick: int) -> float:
        """Return how many ticks after one the next metre begins; infinity: none does."""
        after = bisect.bisect_right(self.metres, tick, key=lambda change: change[0])
        return self.metres[after][0] - tick if after < len(self.metres) else math.inf

    def take(self, kind: str, value: str, clock: Now) -> None:
        """Take in a token that `clock` has taken in."""
        if clock.tick != self.tick:
            self.tick, self.floor, self.told = clock.tick, (), ()
        if kind == "TimeShift":
            self._shift(self.rules.span(value, clock.beat), clock.beat)
            return
        self.room = math.inf
        if kind == "TimeSig":
            self.metre_since = clock.tick
        elif kind == "Program":
            self.told = (rank(self.rules.name, kind, value),)
        elif kind in ENDS:
            self.floor, self.told = (*self.told, OFF, self._release(clock, int(value))), ()
            self.floor += (int(value),)
        elif kind in PITCHES | {"Velocity", "Duration"}:
            phase = (ON,) if kind in STARTS else ()
            self.told = (*self.told, *phase, rank(self.rules.name, kind, value))
            if not clock.pending:
                self._close(clock)

    def _shift(self, ticks: int, beat: int) -> None:
        """Leave room for what MidiTok would not have put into this shift or those before it."""
        self.room = min(self.room - ticks, self.rules.gap(ticks, beat))

    def _close(self, clock: Now) -> None:
        """End a note: the next one comes after it."""
        self.floor, pitch = self.told, self.told[-1]
        if self.rules.name == "MIDILike":
            pitch = self.told[-2] if self.rules.config.use_velocities else pitch
            key = clock.program, pitch
            self.onsets[key] = (*self.onsets.get(key, ()), clock.tick)
        self.told = self.told[:1] if self.rules.name == "MuMIDI" else ()

    def _release(self, clock: Now, pitch: int) -> int:
        """Let go the first note of a pitch; return when it began."""
        key = clock.program, pitch
        began, *others = self.onsets.pop(key, ()) or (clock.tick,)
        if others:
            self.onsets[key] = tuple(others)
        return began

    def least(self, told: tuple[int, ...]) -> int:
        """Return the least rank of what comes after `told` in a note at this tick; 0: any."""
        tied = self.floor[: len(told)] == told and len(self.floor) > len(told)
        return self.floor[len(told)] if tied else 0

    def least_pitch(self) -> int:
        """Return the least pitch that may begin now."""
        if self.rules.name != "MIDILike":
            return self.least(self.told)
        return self.least((*self.told, ON))

    def may_release(self, program: int) -> list[int]:
        """Return the pitches that may be let go now."""
        return [
            pitch
            for (of, pitch), onsets in self.onsets.items()
            if of == program and (*self.told, OFF, onsets[0], pitch) >= self.floor
        ]

"""Which types of tokens follow which: MidiTok's graph, or less of it if music has one spelling.

MidiTok's graph lacks some successors that MidiTok itself writes (a tempo after a note, a metre
before note-offs). They are added: between two notes, every token may stand that is not a part of a
note. A learnt token may stand where the first of its tokens may.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from howlkit_miditok.clock import Clock
from howlkit_miditok.layout import Layout
from howlkit_miditok.order import rank
from howlkit_miditok.rules import ENDS, PITCHES, STARTS, Rules

__all__ = ["Graph", "Mask"]

Mask = NDArray[np.bool_]

GLOBAL = frozenset({"Tempo", "KeySig", "Pedal", "PedalOff"})
OF_A_PROGRAM = "MicroTiming of a program"
LEADS = ("Bar", "TimeSig", "Position", "TimeShift")
OF_DRUMS = ("PitchDrum", "DrumOn", "DrumOff")
OF_NOTES = ("Pitch", "NoteOn", "NoteOff")
STRICT = ("Structured", "MuMIDI")  # their graph has everything that they write


class Graph:
    """Which types of tokens follow which, and the values of each type."""

    def __init__(self, rules: Rules, layout: Layout) -> None:
        self.rules, self.layout = rules, layout
        self.ordered = rules.ordered
        self.values = layout.tokens[layout.main]
        self.types = {kind for parts in self.values for kind, _ in parts}

    @cached_property
    def follows(self) -> dict[str, Mask]:
        """The values that may follow each type; "" stands for the start."""
        first = np.array([parts[0][0] if parts else "" for parts in self.values])
        after = {kind: self._after(kind) for kind in self.types} | {"": self._first()}
        after[OF_A_PROGRAM] = set(PITCHES) | {"TimeShift"}  # the note's own may follow it
        return {kind: np.isin(first, sorted(found - {""})) for kind, found in after.items()}

    # A row asks for its mask at every step, so the parts of masks are made once and kept.

    def music_after(self, kind: str) -> Mask:
        """Return the values that may follow a type and are music; not to be changed."""
        return self._kept(("after", kind), lambda: self.follows[kind] & self.layout.music["token"])

    def in_bar(self, first: int, step: int, bar_ticks: int) -> Mask:
        """Return the values without a position before `first`, or behind a bar; not to be changed.

        step: ticks of a position.
        """

        def made() -> Mask:
            at, until = self._positions
            return np.asarray((at < 0) | ((at >= first) & (until * step < bar_ticks)))

        return self._kept(("in bar", first, step, bar_ticks), made)

    def from_rank(self, kinds: tuple[str, ...], least: int) -> Mask:
        """Return all values but those of some types below a rank; not to be changed."""

        def made() -> Mask:
            below = self.ranks("token") < least
            of_kinds = np.any([self.by_type[k] for k in kinds if k in self.by_type], axis=0)
            return np.asarray(~(below & of_kinds))

        return self._kept(("from", kinds, least), made)

    def spans_below(self, room: float, beat: int) -> Mask:
        """Return what is written, and without shifts from `room` ticks on; not to be changed."""
        return self._kept(
            ("spans", room, beat), lambda: self.written("token", beat) & (self.shifts(beat) < room)
        )

    def _kept(self, key: tuple[object, ...], make: Callable[[], Mask]) -> Mask:
        if key not in self._masks:
            self._masks[key] = make()
        return self._masks[key]

    @cached_property
    def _masks(self) -> dict[tuple[object, ...], Mask]:
        return {}

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        """(2, n): the first and last position in each value, before it leaves its bar; -1: none."""
        return np.array([_positions(parts) for parts in self.values]).T

    @cached_property
    def no_metres(self) -> Mask:
        """Which values do not begin with a metre."""
        return np.array([not parts or parts[0][0] != "TimeSig" for parts in self.values])

    @cached_property
    def ends(self) -> Mask:
        """Which values are single note-offs, not in a learnt token."""
        return np.array([len(parts) == 1 and parts[0][0] in ENDS for parts in self.values])

    @cached_property
    def releases(self) -> dict[tuple[str, int], int]:
        """The value of each single note-off, by "Note" or "Drum" and pitch."""
        single = [(n, parts[0]) for n, parts in enumerate(self.values) if len(parts) == 1]
        return {(k.removesuffix("Off"), int(v)): n for n, (k, v) in single if k in ENDS}

    def ids(self, *tokens: tuple[str, str]) -> list[int]:
        """Return the values that begin with one of these tokens."""
        return [n for n, parts in enumerate(self.values) if parts and parts[0] in tokens]

    @cached_property
    def of_program(self) -> dict[bool, Mask]:
        """The values that may be if the program is not drums (False), and if it is (True)."""
        first = [parts[0][0] if parts else "" for parts in self.values]
        return {
            drums: ~np.isin(first, sorted(OF_NOTES if drums else OF_DRUMS))
            for drums in (False, True)
        }

    @cached_property
    def by_type(self) -> dict[str, Mask]:
        """Which values of the main field begin with each type."""
        first = np.array([parts[0][0] if parts else "" for parts in self.values])
        return {kind: first == kind for kind in self.types}

    def is_metre(self, metre: str) -> Mask:
        """Return which values of the main field are a metre such as "3/4"; not to be changed."""
        return self._kept(
            ("metre", metre),
            lambda: np.array([parts[:1] == (("TimeSig", metre),) for parts in self.values]),
        )

    def ranks(self, name: str) -> NDArray[np.int64]:
        """Return the rank of each value of a field (order.py)."""
        if name not in self._ranks:
            of = self.rules.name
            values = [rank(of, *parts[0]) if parts else 0 for parts in self.layout.tokens[name]]
            self._ranks[name] = np.array(values, np.int64)
        return self._ranks[name]

    @cached_property
    def _ranks(self) -> dict[str, NDArray[np.int64]]:
        return {}

    def written(self, name: str, beat: int) -> Mask:
        """Return which values of a field MidiTok writes: of two equally long spans, one."""
        if (name, beat) not in self._written:
            self._written[name, beat] = np.array(
                [
                    not parts
                    or parts[0][0] not in ("TimeShift", "Duration")
                    or self.rules.is_written(parts[0][1], beat)
                    for parts in self.layout.tokens[name]
                ]
            )
        return self._written[name, beat]

    @cached_property
    def _written(self) -> dict[tuple[str, int], Mask]:
        return {}

    def shifts(self, beat: int) -> NDArray[np.float64]:
        """Return the ticks of each value that is a TimeShift, minus infinity for others."""
        if beat not in self._shifts:
            self._shifts[beat] = np.array(
                [
                    self.rules.span(parts[0][1], beat)
                    if parts and parts[0][0] == "TimeShift"
                    else -math.inf
                    for parts in self.values
                ]
            )
        return self._shifts[beat]

    @cached_property
    def _shifts(self) -> dict[int, NDArray[np.float64]]:
        return {}

    @cached_property
    def tracks(self) -> dict[bool, list[int]]:
        """For MMM, the values that are refused inside a track (True) and outside one (False)."""
        return {True: self.ids(("Track", "Start")), False: self.ids(("Track", "End"))}

    def may_end(self, clock: Clock) -> bool:
        """Say whether a piece may end now."""
        if self.rules.name == "MMM":
            return not clock.in_track
        if clock.order is not None and clock.order.onsets:  # note-offs come first
            return False
        last = clock.step_type if self.rules.name == "MuMIDI" else clock.last
        if self.rules.name == "MuMIDI" and last:
            return last in PITCHES
        others = {""} if self.ordered else GLOBAL | {"", "Bar", "TimeSig"}
        return not clock.pending and (last in others or self._closes(last))

    def _closes(self, kind: str) -> bool:
        """Say whether a token of this type may complete a note or a note-off."""
        config = self.rules.config
        if kind in ENDS or kind == "Duration":
            return True
        if self.rules.name == "PerTok":
            return False
        if kind == "Velocity" or (kind in PITCHES and not config.use_velocities):
            return kind in STARTS or "NoteOn" in self.types or not config.using_note_duration_tokens
        return False

    @cached_property
    def _begin(self) -> set[str]:
        """The types with which a note or a note-off may begin."""
        if "Program" in self.types and self.rules.name != "MMM":
            return {"Program"}
        return set(PITCHES | ENDS)

    def leads_to_note(self, kind: str) -> bool:
        """Say whether nothing but a note can follow a Position or a TimeShift."""
        if kind not in LEADS or not self.ordered:
            return False
        return self._after(kind) & self.types <= {"Program", *PITCHES} and not self.types & ENDS

    @cached_property
    def last_shift_leads_to_note(self) -> bool:
        """Whether, once no further shift may follow a TimeShift, only a note or a metre can."""
        if not self.ordered or "TimeShift" not in self.types or self.types & ENDS:
            return False
        others = (self._after("TimeShift") & self.types) - {"TimeShift", "TimeSig"}
        return others <= {"Program", *PITCHES}

    def _after(self, kind: str) -> set[str]:
        """Return the types that may follow a type in some state of the clock."""
        if self.ordered and self.layout.kind == "one" and kind in LEADS:
            return self._after_lead(kind)
        known = set(self.rules.tokenizer.tokens_types_graph.get(kind, ()))
        if self.rules.name in STRICT:
            return known
        if kind == "Program":
            return self._after_program()
        if kind == "Bar" and "TimeSig" in self.types and self.rules.name != "PerTok":
            return {"TimeSig"}
        if kind in PITCHES | {"Velocity", "MicroTiming"} and not self._closes(kind):
            return self._in_a_note(kind)
        if kind == "Track":
            return {"Track", "Program"}
        if self.ordered:
            return self._begin | {"Position", "Bar", "TimeShift"}
        known |= self._begin | GLOBAL | {"Track"}
        if kind not in ("Position", "TimeShift", "Rest"):
            known |= {"Bar", "TimeShift", "Rest"}
        if kind != "Position":
            known |= {"Position"}
        if kind == "TimeShift" and self.rules.name == "PerTok":
            known |= PITCHES
        if self.rules.name == "MMM":  # told once for each track
            known -= {"Program"}
        return known if "Bar" in self.types else known | {"TimeSig"}

    def _after_lead(self, kind: str) -> set[str]:
        """Return what follows a lead where MidiTok writes nothing but notes and leads."""
        if self.rules.name == "REMI":
            if kind == "Bar" and "TimeSig" in self.types:
                return {"TimeSig"}
            return self._begin if kind == "Position" else {"Bar", "Position"}
        if self.rules.name == "Structured":
            return self._begin
        return self._begin | {"TimeShift"} | ({"TimeSig"} if kind == "TimeShift" else set())

    def _after_program(self) -> set[str]:
        if self.rules.name == "MMM":  # of a whole track; what is in it comes later
            return self._begin | GLOBAL | {"TimeSig", "TimeShift", "Bar", "Rest", "Track"}
        if "MicroTiming" in self.types:
            return {"MicroTiming"}
        return set(PITCHES | ENDS)

    def _in_a_note(self, kind: str) -> set[str]:
        """Return the type that comes next in a note: pitch, MicroTiming, velocity, duration."""
        parts: list[str] = ["MicroTiming", "Velocity", "Duration"]
        tail = [k for k in parts if k in self.types]
        if "NoteOn" in self.types:
            tail = [k for k in tail if k != "Duration"]
        if kind in PITCHES:
            return {tail[0]}
        return set(tail[tail.index(kind) + 1 :][:1])

    def _first(self) -> set[str]:
        if self.ordered and "TimeSig" in self.types and "Bar" not in self.types:
            return {"TimeSig"}
        if self.ordered and self.rules.name in ("TSD", "MIDILike"):
            return self._begin | {"TimeShift"}
        if self.ordered and self.layout.kind == "one" and self.rules.name == "REMI":
            return {"Bar"}
        if self.rules.name == "MMM":
            return {"Track"}
        if self.rules.name in ("REMI", "MuMIDI"):
            return {"Bar", "Rest"}
        if self.rules.name == "Structured":
            return {"TimeShift"}
        return self._begin | GLOBAL | {"TimeSig", "TimeShift", "Bar", "Rest", "Position"}


def _positions(parts: tuple[tuple[str, str], ...]) -> tuple[int, int]:
    """Return the first and last position before a bar, rest or metre; -1 if there is none."""
    found = []
    for kind, value in parts:
        if kind == "Position":
            found.append(int(value))
        if kind in ("Bar", "Rest", "TimeSig"):
            break
    return (found[0], found[-1]) if found else (-1, -1)

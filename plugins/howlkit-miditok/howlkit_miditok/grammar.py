"""What may come next: MidiTok's graph of token types, and that time does not run backwards.

MidiTok's graph says what follows what. Where it lacks what MidiTok itself writes (a tempo after a
note, a metre where notes are let go), it is completed: between two notes, anything that is no part
of a note may stand. A learnt token may come where the first of its tokens may. That one thing is
spelt in one way is not asked for: MidiTok's decoders take any order of pitches, and so does this.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.schema import END, STEP, Field, Steps
from howlkit_miditok.clock import ENDS, PITCHES, STARTS, Clock, Rules
from howlkit_miditok.layout import Layout

__all__ = ["Grammar", "Graph"]

Mask = NDArray[np.bool_]

GLOBAL = frozenset({"Tempo", "KeySig", "Pedal", "PedalOff"})
OF_A_PROGRAM = "MicroTiming of a program"
STRICT = ("Structured", "MuMIDI")  # whose graph is all that they write


class Graph:
    """Which types of tokens follow which, and the values of each type."""

    def __init__(self, rules: Rules, layout: Layout) -> None:
        self.rules, self.layout = rules, layout
        self.values = layout.tokens[layout.main]
        self.types = {kind for parts in self.values for kind, _ in parts}

    @cached_property
    def follows(self) -> dict[str, Mask]:
        """Of each type the values that may follow; "" stands for the start."""
        first = np.array([parts[0][0] if parts else "" for parts in self.values])
        after = {kind: self._after(kind) for kind in self.types} | {"": self._first()}
        after[OF_A_PROGRAM] = set(PITCHES) | {"TimeShift"}  # the note's own may follow it
        return {kind: np.isin(first, sorted(found - {""})) for kind, found in after.items()}

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """The first position of each value, if that is of the bar before it; else -1."""
        return np.array([_first_position(parts) for parts in self.values])

    @cached_property
    def metres(self) -> Mask:
        """The values that begin with a metre."""
        return np.array([bool(parts) and parts[0][0] == "TimeSig" for parts in self.values])

    @cached_property
    def releases(self) -> dict[tuple[str, int], int]:
        """The value of each note-off that is no part of a learnt token, by its kind and pitch."""
        single = [(n, parts[0]) for n, parts in enumerate(self.values) if len(parts) == 1]
        return {(k.removesuffix("Off"), int(v)): n for n, (k, v) in single if k in ENDS}

    def ids(self, *tokens: tuple[str, str]) -> list[int]:
        """Return the values that begin with one of these tokens."""
        return [n for n, parts in enumerate(self.values) if parts and parts[0] in tokens]

    @cached_property
    def tracks(self) -> dict[bool, list[int]]:
        """Of MMM, the values that cannot be inside a track (True), and outside one (False)."""
        return {True: self.ids(("Track", "Start")), False: self.ids(("Track", "End"))}

    def may_end(self, clock: Clock) -> bool:
        """Say whether a piece may end where a row stands."""
        if self.rules.name == "MMM":
            return not clock.in_track
        last = clock.step_type if self.rules.name == "MuMIDI" else clock.last
        if self.rules.name == "MuMIDI" and last:
            return last in PITCHES
        return not clock.pending and (last in GLOBAL | {"", "Bar", "TimeSig"} or self._closes(last))

    def _closes(self, kind: str) -> bool:
        """Say whether a note, or its end, may be whole after a token of this type."""
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
        """The types that a note, or its end, may begin with."""
        if "Program" in self.types and self.rules.name != "MMM":
            return {"Program"}
        return set(PITCHES | ENDS)

    def _after(self, kind: str) -> set[str]:
        """Return the types that may follow one, whatever the state."""
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
        known |= self._begin | GLOBAL | {"Track"}
        if kind not in ("Position", "TimeShift", "Rest"):
            known |= {"Bar", "TimeShift", "Rest"}
        if kind != "Position":
            known |= {"Position"}
        if kind == "TimeShift" and self.rules.name == "PerTok":
            known |= PITCHES
        return known if "Bar" in self.types else known | {"TimeSig"}

    def _after_program(self) -> set[str]:
        if self.rules.name == "MMM":  # of a whole track; what is in it comes later
            return self._begin | GLOBAL | {"TimeSig", "TimeShift", "Bar", "Rest", "Track"}
        if "MicroTiming" in self.types:
            return {"MicroTiming"}
        return set(PITCHES | ENDS)

    def _in_a_note(self, kind: str) -> set[str]:
        """Return what comes next in a note: pitch, off the grid by, velocity, duration."""
        parts: list[str] = ["MicroTiming", "Velocity", "Duration"]
        tail = [k for k in parts if k in self.types]
        if "NoteOn" in self.types:
            tail = [k for k in tail if k != "Duration"]
        if kind in PITCHES:
            return {tail[0]}
        return set(tail[tail.index(kind) + 1 :][:1])

    def _first(self) -> set[str]:
        if self.rules.name == "MMM":
            return {"Track"}
        if self.rules.name in ("REMI", "MuMIDI"):
            return {"Bar", "Rest"}
        if self.rules.name == "Structured":
            return {"TimeShift"}
        return self._begin | GLOBAL | {"TimeSig", "TimeShift", "Bar", "Rest", "Position"}


def _first_position(parts: tuple[tuple[str, str], ...]) -> int:
    for kind, value in parts:
        if kind == "Position":
            return int(value)
        if kind in ("Bar", "Rest"):
            break
    return -1


class Grammar:
    """Rows, each with the clock of its decoder, and what they allow."""

    def __init__(self, graph: Graph, clocks: list[Clock]) -> None:
        self.graph, self.clocks = graph, clocks

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row stands, in beats."""
        division = self.graph.rules.division
        return np.array([clock.stand / division for clock in self.clocks])

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return when positions in beats (B,) sound, in the tempi told so far."""
        division = self.graph.rules.division
        rows = zip(self.clocks, clock.tolist(), strict=True)
        return np.array([row.in_seconds(beats * division) for row, beats in rows])

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Take in `step` (B,) where `rows`; return how many notes each began."""
        begun = np.zeros(len(self.clocks), np.int64)
        for row in np.flatnonzero(rows & (step["mark"] == STEP)).tolist():
            begun[row] = self.clocks[row].take_step(self.graph.layout.read(step[row]))
        return begun

    def select(self, rows: NDArray[np.intp]) -> Grammar:
        """Return an independent copy that holds these rows."""
        return Grammar(self.graph, [self.clocks[row].copy() for row in rows.tolist()])

    def derived(self, field: Field) -> NDArray[np.int64]:
        """Return (B,): the bar and position that MuMIDI tells with every step."""
        return np.array([self.graph.layout.derived(field.name, clock) for clock in self.clocks])

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): what `field` may be in each row."""
        masks = np.zeros((len(self.clocks), field.n), bool)
        for mask, clock, step in zip(masks, self.clocks, given, strict=True):
            if field.name == "mark":
                mask[STEP], mask[END] = True, self.graph.may_end(clock)
            elif field.name == "token":
                mask[:] = self._token(clock)
            else:
                mask[:] = self.graph.layout.music[field.name]
                limit = LIMITS.get((self.graph.layout.kind, field.name))
                if limit is not None:
                    mask &= limit(self.graph, clock, step)
        return masks

    def _token(self, clock: Clock) -> Mask:
        """Return what the next token may be: by the graph, the bar and what sounds."""
        graph = self.graph
        last = clock.step_type if graph.layout.kind == "MuMIDI" else clock.last
        if last == "MicroTiming" and not clock.pending:
            last = OF_A_PROGRAM
        mask = graph.follows[last] & graph.layout.music["token"]
        at = graph.positions
        mask &= (at < 0) | ((at >= clock.position) & (at * clock.step < clock.bar_ticks))
        if clock.position > 0 and "Bar" in graph.types:  # a metre begins with its bar
            mask &= ~graph.metres
        for (kind, pitch), value in graph.releases.items():
            mask[value] &= clock.sounding[clock.program, kind, pitch] > 0
        if graph.rules.name == "MMM":
            mask[graph.tracks[clock.in_track]] = False
            if not clock.in_track:
                mask &= graph.follows[""]
        if graph.layout.kind == "MuMIDI" and clock.bar + 1 >= graph.layout.bars:
            mask[graph.ids(("Bar", "None"))] = False
        return mask


# Of encoders with several fields: what a value may be, given the fields before it ----------------


def _cpword_family(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    note = clock.position >= 0 and clock.step_type != "Rest"
    return np.array([note or parts[0][1] == "Metric" for parts in graph.values])


def _cpword_position(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    def may(kind: str, value: str) -> bool:
        if kind == "Position":
            at = int(value)
            return clock.bar >= 0 and at >= clock.position and at * clock.step < clock.bar_ticks
        return kind == "Bar" or "rest" in graph.layout.columns

    return np.array([may(*parts[0]) for parts in graph.layout.tokens["position"]])


def _octuple_metre(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    values = graph.layout.tokens["time_signature"]
    free = clock.bar + 1 < graph.layout.bars  # a new metre begins with a new bar
    return np.array([free or parts[0][1] == clock.metre for parts in values])


def _octuple_bar(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    first = max(clock.bar, 0)
    if "time_signature" in graph.layout.columns and clock.bar >= 0:
        told = graph.layout.tokens["time_signature"][int(step["time_signature"])][0][1]
        first += told != clock.metre
    return np.array([_number(parts) >= first for parts in graph.layout.tokens["bar"]])


def _octuple_position(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    bar = _number(graph.layout.tokens["bar"][int(step["bar"])])
    least = clock.position if bar == clock.bar else 0
    most = clock.bar_ticks // clock.step
    if "time_signature" in graph.layout.columns:
        told = graph.layout.tokens["time_signature"][int(step["time_signature"])][0][1]
        bar_ticks, _, position = graph.rules.metre(told)
        most = bar_ticks // position if clock.bar < 0 else min(most, bar_ticks // position)
    return np.array([least <= _number(p) < most for p in graph.layout.tokens["position"]])


def _number(parts: tuple[tuple[str, str], ...]) -> int:
    return int(parts[0][1]) if parts and parts[0][1].isdigit() else -1


LIMITS = {
    ("CPWord", "family"): _cpword_family,
    ("CPWord", "position"): _cpword_position,
    ("Octuple", "time_signature"): _octuple_metre,
    ("Octuple", "bar"): _octuple_bar,
    ("Octuple", "position"): _octuple_position,
}

"""What tokens mean in notes, so that rules about notes work with MidiTok's tokenizers.

For tokenizers with one token a step and no learnt vocabulary, whose music is in the order of time.
A note is told in several steps: where it begins, its program, its pitch, and its length or, in
MIDILike, its note-off. Ticks are those of rules.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.music import DRUMS
from howlkit.note_choices import BEGINS, COMING, LASTS, NOTHING, OPEN, UNKNOWN, NoteChoices
from howlkit.schema import Field, Steps
from howlkit_miditok.clock import Clock
from howlkit_miditok.grammar import Grammar
from howlkit_miditok.graph import Graph
from howlkit_miditok.rules import ENDS, PITCHES, STARTS, Rules

__all__ = ["NoteGrammar", "TokenNotes", "speaks_of_notes"]

Column = NDArray[np.int64]

IN_TIME = ("REMI", "TSD", "MIDILike", "Structured")


def speaks_of_notes(rules: Rules) -> bool:
    """Say whether each token is a part of one note, told in the order of time, with its end.

    A learnt token is a part of several notes; MMM goes back in time for every track; PerTok moves a
    note after its pitch; and the others have several fields a step.
    """
    has_ends = all(rules.has_duration(program) for program in rules.config.programs)
    return rules.name in IN_TIME and has_ends and not rules.tokenizer.is_trained


class TokenNotes:
    """What the tokens of a tokenizer mean in notes, after the state of its decoder."""

    def __init__(self, graph: Graph) -> None:
        self._rules = graph.rules
        self._tokens = [parts[0] if parts else ("", "") for parts in graph.values]
        kinds = np.array([kind for kind, _ in self._tokens])
        self._bars, self._durations = kinds == "Bar", kinds == "Duration"
        self._shifts, self._positions = kinds == "TimeShift", kinds == "Position"
        self._programs = kinds == "Program"
        on, off = np.isin(kinds, sorted(PITCHES)), np.isin(kinds, sorted(ENDS))
        note_ons = np.isin(kinds, sorted(STARTS))
        self._begun = kinds == "Velocity"  # of a note that sounds until a note-off
        self._begun &= bool(note_ons.any())
        self._role = np.full(len(kinds), NOTHING, np.uint8)
        self._role[self._durations | off | self._begun], self._role[on] = LASTS, BEGINS
        self._leads = np.isin(kinds, sorted(filter(graph.leads_to_note, graph.types)))
        self._role[self._programs | self._leads] = COMING
        self._last_shift_leads = graph.last_shift_leads_to_note
        self._metres = "TimeSig" in graph.types
        numbers = np.array([_number(value) for _, value in self._tokens])
        self._pitch = np.where(on | off, numbers, UNKNOWN)
        self._told = np.where(numbers == -1, DRUMS, numbers)[self._programs]
        self._at = numbers[self._positions]
        open_at = self._begun if self._begun.any() else note_ons
        self._open, self._off = open_at, off
        self._spans: dict[int, Column] = {}
        self._rooms: dict[int, NDArray[np.float64]] = {}

    def choices(self, clocks: Sequence[Clock]) -> NoteChoices:
        """Return what each token means after each clock (B,)."""
        n = len(self._tokens)

        def of_each(value: Callable[[Clock], int]) -> Column:
            """Return (B, 1): a number of each clock."""
            return np.array([[value(clock)] for clock in clocks])

        now, spans = of_each(lambda clock: clock.tick), self._ticks_of([c.beat for c in clocks])
        begun, step = of_each(lambda clock: clock.begun), of_each(lambda clock: clock.step)
        onset = np.repeat(now, n, axis=1)
        onset[:, self._shifts] += spans[:, self._shifts]
        onset[:, self._positions] = begun + self._at * step
        onset[:, self._bars] = of_each(
            lambda clock: clock.begun + clock.bar_ticks if clock.bar >= 0 else clock.tick
        )
        pitch = np.repeat(self._pitch[None], len(clocks), axis=0)
        pitch[:, self._durations | self._begun] = of_each(_pending)
        program = np.repeat(of_each(lambda clock: _played(clock.program)), n, axis=1)
        program[:, self._programs] = self._told
        if self._programs.any():  # a program will be told for the note to which they lead
            program[:, self._leads | self._shifts] = UNKNOWN
        end = np.full(onset.shape, UNKNOWN)
        end[:, self._durations] = now + spans[:, self._durations]
        end[:, self._off], end[:, self._open] = now, OPEN
        role = np.repeat(self._role[None], len(clocks), axis=0)
        if self._off.any():  # a program that sounds may be told for a note-off
            for row, clock in enumerate(clocks):
                sounding = sorted({_played(program) for program, _, _ in clock.sounding})
                ends = np.isin(self._told, sounding)
                role[row, self._programs] = np.where(ends, NOTHING, COMING)
        if self._last_shift_leads:
            for row, clock in enumerate(clocks):
                last = self._is_last_shift(clock, spans[row, self._shifts])
                role[row, self._shifts] = np.where(last, COMING, NOTHING)
        return NoteChoices(role, onset, pitch, program, np.zeros_like(onset), end)

    def _is_last_shift(self, clock: Clock, ticks: Column) -> NDArray[np.bool_]:
        """Return which shifts, of so many ticks, no other shift may follow, nor a metre.

        A shift that is told in several must stay below the room that the ones before it left.
        """
        order, beat = clock.order, clock.beat
        assert order is not None  # for mypy; the graph is ordered
        if beat not in self._rooms:
            self._rooms[beat] = np.array([self._rules.gap(n, beat) for n in ticks.tolist()])
        room = np.minimum(order.room - ticks, self._rooms[beat])
        last = room <= self._rules.spans(beat)[0]
        if self._metres:
            last &= (clock.tick + ticks - order.metre_since) % clock.bar_ticks != 0
        return np.asarray(last)

    def _ticks_of(self, beats: Sequence[int]) -> Column:
        """Return (B, n): the ticks of each shift and duration; beats: ticks a beat of each row."""
        if len(set(beats)) == 1:
            return np.repeat(self._ticks(beats[0])[None], len(beats), axis=0)
        return np.stack([self._ticks(beat) for beat in beats])

    def _ticks(self, beat: int) -> Column:
        """Return (n,): the ticks of each shift and duration in a metre; 0 for other tokens."""
        if beat not in self._spans:
            lengths = self._shifts | self._durations
            self._spans[beat] = np.array(
                [
                    self._rules.span(value, beat) if is_length else 0
                    for is_length, (_, value) in zip(lengths.tolist(), self._tokens, strict=True)
                ]
            )
        return self._spans[beat]


def _pending(clock: Clock) -> int:
    """Return the pitch of the note that is not finished; UNKNOWN if there is none."""
    return int(clock.pending.split()[1]) if clock.pending else UNKNOWN


def _played(program: int) -> int:
    """Return MidiTok's number of a program as howlkit's."""
    return DRUMS if program == -1 else program


def _number(value: str) -> int:
    return int(value) if value.removeprefix("-").isdigit() else UNKNOWN


class NoteGrammar(Grammar):
    """A grammar that says what its choices mean in notes."""

    alone = False

    def __init__(self, graph: Graph, clocks: list[Clock], notes: TokenNotes) -> None:
        super().__init__(graph, clocks)
        self._notes, self.divisions = notes, graph.rules.division

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes; nothing for `mark`."""
        return self._notes.choices(self.clocks) if field.name == "token" else None

    def select(self, rows: NDArray[np.intp]) -> NoteGrammar:
        """Return an independent copy that holds these rows."""
        clocks = [self.clocks[row].copy() for row in rows.tolist()]
        return NoteGrammar(self.graph, clocks, self._notes)

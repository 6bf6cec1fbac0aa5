"""Which values are allowed next in each row: those of the graph that do not go back in time.

If the tokenizer has one spelling for music (order.py), only that spelling is allowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.note_choices import PossibleNotes
from howlkit.schema import END, STEP, Field, Steps
from howlkit_miditok import limits
from howlkit_miditok.clock import Clock
from howlkit_miditok.graph import OF_A_PROGRAM, Graph, Mask
from howlkit_miditok.limits import in_order

__all__ = ["Grammar"]


class Grammar:
    """A grammar of rows that each have the clock of a decoder."""

    def __init__(self, graph: Graph, clocks: list[Clock]) -> None:
        self.graph, self.clocks = graph, clocks

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): the position of each row in beats."""
        division = self.graph.rules.division
        return np.array([clock.stand / division for clock in self.clocks])

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the seconds (B,) at which positions in beats (B,) sound, by the tempi so far."""
        division = self.graph.rules.division
        rows = zip(self.clocks, clock.tolist(), strict=True)
        return np.array([row.in_seconds(beats * division) for row, beats in rows])

    @property
    def possible_notes(self) -> PossibleNotes:
        """The programs and pitches that there are tokens for."""
        return self.graph.layout.possible_notes

    def push(self, step: Steps, rows: Mask) -> NDArray[np.int64]:
        """Read `step` (B,) in some rows (B,); return how many notes each row began."""
        begun = np.zeros(len(self.clocks), np.int64)
        moved = np.flatnonzero(rows & (step["mark"] == STEP))
        for row, tokens in zip(moved.tolist(), self.graph.layout.read(step[moved]), strict=True):
            begun[row] = self.clocks[row].take_step(tokens)
        return begun

    def select(self, rows: NDArray[np.intp]) -> Grammar:
        """Return an independent copy that holds these rows."""
        return Grammar(self.graph, [self.clocks[row].copy() for row in rows.tolist()])

    def derived(self, field: Field) -> NDArray[np.int64]:
        """Return (B,): the bar or the position that MuMIDI writes with every step."""
        return np.array([self.graph.layout.derived(field.name, clock) for clock in self.clocks])

    def allowed(self, field: Field, given: Steps) -> Mask:
        """Return (B, n): the values that `field` may have in each row."""
        masks = np.zeros((len(self.clocks), field.n), bool)
        for mask, clock, step in zip(masks, self.clocks, given, strict=True):
            if field.name == "mark":
                mask[STEP], mask[END] = True, self.graph.may_end(clock)
            elif field.name == "token":
                mask[:] = self._token(clock)
            else:
                mask[:] = self.graph.layout.music[field.name]
                mask &= limits.of(field.name, self.graph, clock, step)
        return masks

    def _token(self, clock: Clock) -> Mask:
        """Return the tokens allowed next: by the graph, by the bar, by what sounds."""
        graph = self.graph
        last = clock.step_type if graph.layout.kind == "MuMIDI" else clock.last
        if last == "MicroTiming" and not clock.pending:
            last = OF_A_PROGRAM
        first = clock.position + (clock.order is not None)  # with an order, each is written once
        mask = graph.music_after(last) & graph.in_bar(first, clock.step, clock.bar_ticks)
        if clock.position > 0 and "Bar" in graph.types:  # a metre begins with its bar
            mask &= graph.no_metres
        if clock.order is not None:
            mask &= in_order(graph, clock, clock.order)
        elif graph.releases:
            mask &= _sounding(graph, clock)
        if graph.rules.name == "MMM":
            mask[graph.tracks[clock.in_track]] = False
            if not clock.in_track:
                mask &= graph.follows[""]
        if graph.layout.kind == "MuMIDI" and clock.bar + 1 >= graph.layout.bars:
            mask[graph.ids(("Bar", "None"))] = False
        return mask


def _sounding(graph: Graph, clock: Clock) -> Mask:
    """Return all values but the note-offs of what does not sound."""
    mask = ~graph.ends
    for program, kind, pitch in clock.sounding:
        if program == clock.program and (kind, pitch) in graph.releases:
            mask[graph.releases[kind, pitch]] = True
    return mask

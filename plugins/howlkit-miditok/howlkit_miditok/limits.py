"""Which values a field may have, given the fields before it and the state of the row."""

from __future__ import annotations

from typing import Any

import numpy as np

from howlkit_miditok.clock import Clock
from howlkit_miditok.graph import Graph, Mask
from howlkit_miditok.layout import NOTE
from howlkit_miditok.order import Order
from howlkit_miditok.rules import PITCHES

__all__ = ["in_order", "of"]

PITCH_TYPES = tuple(sorted(PITCHES))


def of(name: str, graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401 - one row
    """Return the values that a field may have, for tokenizers with several fields."""
    mask = np.ones(len(graph.layout.tokens[name]), bool)
    limit = LIMITS.get((graph.layout.kind, name))
    if limit is not None:
        mask &= limit(graph, clock, step)
    if clock.order is not None and name in NOTE:
        mask &= _note_in_order(name, graph, clock, clock.order, step)
    return mask


def in_order(graph: Graph, clock: Clock, order: Order) -> Mask:
    """Return the tokens that keep to the order of what is written at a tick."""
    kinds = graph.by_type
    mask = graph.spans_below(order.room, clock.beat) & graph.of_program[clock.program == -1]
    if "TimeSig" in kinds:
        if "Bar" not in kinds:
            _limit_metre(mask, graph, clock, order)
        if order.metres:
            mask[kinds["TimeSig"] & ~graph.is_metre(order.metre_at(clock.tick))] = False
    if order.floor:  # MuMIDI writes a program once for all of its notes
        again = int(graph.rules.name == "MuMIDI")
        mask &= graph.from_rank(("Program",), order.floor[0] + again)
        mask &= graph.from_rank(PITCH_TYPES, order.least_pitch())
        mask &= graph.from_rank(("Velocity", "Duration"), order.least(order.told))
    if graph.releases:
        kind = "Drum" if clock.program == -1 else "Note"
        silent = graph.ends.copy()
        silent[[graph.releases[kind, pitch] for pitch in order.may_release(clock.program)]] = False
        mask[silent] = False
    return mask


def _limit_metre(mask: Mask, graph: Graph, clock: Clock, order: Order) -> None:
    """Refuse in `mask` metres that do not begin with a bar, or come after other tokens there."""
    metres, shifts = graph.by_type["TimeSig"], graph.shifts(clock.beat)
    if clock.last == "TimeShift":
        if (clock.tick - order.metre_since) % clock.bar_ticks:
            mask[metres] = False
        mask[graph.is_metre(clock.metre)] = False
        if order.metre_at(clock.tick) not in ("", clock.metre):
            mask &= metres  # the given metre begins here
    if order.metres:
        mask &= shifts <= order.until_metre(clock.tick)


def _note_in_order(name: str, graph: Graph, clock: Clock, order: Order, step: Any) -> Mask:  # noqa: ANN401
    """Return the values of a part of a note with which it does not come before the last note."""
    parts = [of for of in NOTE if of in graph.layout.columns]
    told = tuple(int(graph.ranks(of)[int(step[of])]) for of in parts[: parts.index(name)])
    if graph.layout.kind == "MuMIDI":
        told = (*order.told, int(graph.ranks("token")[int(step["token"])]), *told)
    mask = graph.written(name, clock.beat).copy()
    if _is_here(graph, clock, step):
        mask &= graph.ranks(name) >= order.least(told)
    if name == "pitch":
        tokens = graph.layout.tokens
        drums = "program" in parts and tokens["program"][int(step["program"])][0][1] == "-1"
        mask &= np.array([(p[0][0] == "PitchDrum") == drums for p in tokens["pitch"]])
    return mask


def _is_here(graph: Graph, clock: Clock, step: Any) -> bool:  # noqa: ANN401
    """Say whether a step is at the tick of the last one."""
    if graph.layout.kind != "Octuple":
        return True
    tokens = graph.layout.tokens
    bar, position = (_number(tokens[of][int(step[of])]) for of in ("bar", "position"))
    return bar == clock.bar and position == clock.position


def _cpword_family(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    note = clock.position >= 0 and clock.step_type != "Rest"
    only = clock.order is not None and clock.step_type == "Position"  # it is written for a note
    return np.array([note if p[0][1] == "Note" else not only for p in graph.values])


def _cpword_position(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    def may(kind: str, value: str) -> bool:
        if kind == "Position":
            at = int(value)
            first = clock.position + (clock.order is not None)
            return clock.bar >= 0 and at >= first and at * clock.step < clock.bar_ticks
        return kind == "Bar" or "rest" in graph.layout.columns

    return np.array([may(*parts[0]) for parts in graph.layout.tokens["position"]])


def _cpword_metre(graph: Graph, clock: Clock, step: Any) -> Mask:  # noqa: ANN401
    values = graph.layout.tokens["time_signature"]
    settled = ""
    if clock.order is not None:
        settled = clock.order.metre_at(clock.begun + clock.bar_ticks if clock.bar >= 0 else 0)
    return np.array([settled in ("", parts[0][1]) for parts in values])


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
    ("CPWord", "time_signature"): _cpword_metre,
    ("Octuple", "time_signature"): _octuple_metre,
    ("Octuple", "bar"): _octuple_bar,
    ("Octuple", "position"): _octuple_position,
}

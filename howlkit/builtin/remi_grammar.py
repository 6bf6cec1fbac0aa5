"""The grammar of the encoder `remi`: the one order of events that it writes, step by step."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.bars import Metres
from howlkit.schema import END, STEP, Field, Schema, Steps

__all__ = ["RemiGrammar"]

MOST_BEATS = 65_000  # of a piece: at the finest resolution still below MAX_TICK

Column = NDArray[np.int64]

NOTHING = -1  # the last event of a row that has none

STATE = np.dtype(
    [
        ("last", "i1"),  # the last event, its index; NOTHING at the start
        ("bars", "<i4"),  # how many bars there were since anything else
        ("cut", "?"),  # whether the last bar cut the one before
        ("bar", "<i8"),  # the grid position at which the bar began
        ("tied", "?"),  # whether the note below stands here, in this program
        ("since", "<i8"),  # the grid position at which the tempo last changed
        ("seconds", "<f8"),  # and when that was
        *((name, "<i4") for name in ("metre", "position", "tempo", "program")),  # what stands
        *((name, "<i4") for name in ("pitch", "velocity", "duration")),  # of the last whole note
        *((name, "<i4") for name in ("next_pitch", "next_velocity")),  # of the note begun
    ]
)
"""Where a row stands."""


class RemiGrammar:
    """B rows of events, of the families there are; `initial` stands before the first.

    beats: how many microseconds a beat lasts at each tempo.
    A piece may end behind a note only, since what follows the last note is not written.
    """

    def __init__(
        self,
        schema: Schema,
        events: tuple[str, ...],
        initial: Mapping[str, int],
        metres: Metres,
        beats: Column,
        *,
        longest_rest: int,
        rows: int,
    ) -> None:
        self._schema, self._events, self._beats = schema, events, beats
        self._metres, self._longest_rest = metres, longest_rest
        self._follows = _follows(events)
        self._at = np.zeros(rows, STATE)
        self._at["last"] = NOTHING
        for name, value in initial.items():
            self._at[name] = value

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row stands, in beats."""
        return np.asarray((self._at["bar"] + self._at["position"]) / self._metres.grid)

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (B,): when positions in beats (B,) sound.

        Positions before the last change of tempo are taken in the tempo since then.
        """
        since = self._at["since"] / self._metres.grid
        beat = self._beats[self._at["tempo"]] / 1e6
        return np.asarray(self._at["seconds"] + (clock - since) * beat)

    def derived(self, field: Field) -> Column:
        """Return (B,): what stands, as the field's name says."""
        return self._at[field.name.removeprefix("at_")].astype(np.int64)

    def select(self, rows: NDArray[np.intp]) -> RemiGrammar:
        """Return a copy that holds `rows`."""
        twin = copy.copy(self)
        twin._at = self._at[rows]
        return twin

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, field.choices): what goes on in the one spelling."""
        if field.name == "mark":
            return self._marks(field)
        if field.name == "event":
            return self._next_events()
        return self._values(field)

    def _was(self, event: str) -> NDArray[np.bool_]:
        """Return (B,): whether the last event was of this family."""
        return np.asarray(self._at["last"] == self._events.index(event))

    def _marks(self, field: Field) -> NDArray[np.bool_]:
        mask = np.zeros((len(self._at), field.n), bool)
        mask[:, STEP] = ~self._was("duration") | (self.now < MOST_BEATS)
        mask[:, END] = self._was("duration") | (self._at["last"] == NOTHING)
        return mask

    def _next_events(self) -> NDArray[np.bool_]:
        """Return (B, events): those that may follow the last one, where they have a value left."""
        at = self._at
        mask = np.asarray(self._follows[at["last"]])
        whole_bar = ~self._was("position") | (at["position"] > 0)  # no bar is cut at its start
        room = (at["bars"] <= self._longest_rest) & (self.now < MOST_BEATS)
        mask[:, self._events.index("bar")] &= whole_bar & room
        for name in ("position", "program"):
            if name in self._events:
                left = self._values(self._schema[name]).any(axis=1)
                mask[:, self._events.index(name)] &= left
        only_metre = np.arange(len(self._events)) == self._events.index("metre")
        return np.where((self._was("bar") & at["cut"])[:, None], only_metre, mask)

    def _values(self, field: Field) -> NDArray[np.bool_]:
        """Return (B, n): the values that an event may have, were it the next."""
        at, value = self._at, np.arange(field.n)
        mask = np.asarray(value >= self._least(field.name)[:, None])
        if field.name == "position":
            mask &= value < self._metres.lengths[at["metre"]][:, None]
        elif field.name in ("metre", "tempo", "program"):  # nothing is said twice
            said = value == at[field.name][:, None]
            if field.name == "metre":  # but a bar that is cut may be followed by one of its kind
                said &= ~at["cut"][:, None]
            mask &= ~said
        return mask

    def _least(self, name: str) -> Column:
        """Return (B,): the least value, so that positions and the notes at one of them rise."""
        at = self._at
        alike = at["tied"] & (at["next_pitch"] == at["pitch"])  # as the last note, so far
        if name == "position":
            least = np.where(self._was("bar") | self._was("metre"), 0, at["position"] + 1)
        elif name == "program":
            least = np.where(self._was("duration"), at["program"] + 1, 0)
        elif name == "pitch":
            least = np.where(at["tied"], at["pitch"], 0)
        elif name == "velocity":  # the longer of two unisons, which comes last, may be softer
            longest = at["duration"] == self._schema["duration"].n - 1
            least = np.where(alike & longest, at["velocity"], 0)
        elif name == "duration":
            softer = at["next_velocity"] < at["velocity"]
            least = np.where(alike, at["duration"] + softer, 0)
        else:
            least = np.zeros(len(at))
        return np.asarray(least, np.int64)

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> Column:
        """Move on to `step` where `rows` says so; a note has begun when its last event has come."""
        going = rows & (step["mark"] == STEP)
        for index, name in enumerate(self._events):
            here = np.flatnonzero(going & (step["event"] == index))
            if len(here):
                at = self._at[here]
                if name == "bar":
                    self._begin_bar(at)
                else:
                    if name == "tempo":
                        at["seconds"] = self.seconds(self.now)[here]
                        at["since"] = at["bar"] + at["position"]
                    _take(at, name, step[name][here])
                at["last"] = index
                self._at[here] = at
        return np.asarray(going & (step["event"] == self._events.index("duration")), np.int64)

    def _begin_bar(self, at: NDArray[Any]) -> None:
        """Move the rows `at` (`STATE`) on by a bar."""
        at["cut"] = at["last"] == self._events.index("position")
        length = np.where(at["cut"], at["position"], self._metres.lengths[at["metre"]])
        at["bar"] += np.where(at["last"] == NOTHING, 0, length)
        at["bars"] += 1
        at["position"] = 0


def _take(at: NDArray[Any], name: str, values: NDArray[Any]) -> None:
    """Move the rows `at` (`STATE`) on by an event that has a value."""
    if name in ("pitch", "velocity"):
        at[f"next_{name}"] = values
        return
    at[name] = values
    if name == "duration":
        at["pitch"], at["velocity"] = at["next_pitch"], at["next_velocity"]
    if name in ("position", "metre"):
        at["bars"] = 0
    if name in ("position", "program", "duration"):
        at["tied"] = name == "duration"


def _follows(events: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return (events + 1, events): which may follow which; the last row is for the first event."""
    at_position = {"position", "bar", "program", "pitch"}
    follows = {
        "bar": {"bar", "metre", "position"},
        "metre": {"bar", "position"},
        "position": {"bar", "tempo", "program", "pitch"},
        "tempo": at_position,
        "program": {"pitch"},
        "pitch": {"velocity"} if "velocity" in events else {"duration"},
        "velocity": {"duration"},
        "duration": at_position,
    }
    table = [[event in follows[last] for event in events] for last in events]
    return np.array([*table, [event == "bar" for event in events]])

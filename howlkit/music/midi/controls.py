"""The program changes, controllers and bends of one channel, in the order in which they are sent.

A channel of one chunk gets what its track has, and its program again after each bank select. On a
channel that chunks share, each change from the notes of one chunk to those of another first brings
the channel to what the track of the other has set by then; what a track sets while the channel
plays another is left until then.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from howlkit.music.extras import BEND, BEND_CENTRE
from howlkit.music.tables import DRUMS, Table

__all__ = ["PROGRAM", "Control", "Voice", "at_rest", "own_channel", "shared_channel"]

PROGRAM = 130
"""The number of a program change, beside those of `extras.CONTROL`."""

BANKS = (0, 32)
FOREVER = 2**40  # a tick after all others
MODES = 120
"""Controllers from here on are channel modes, such as "all notes off"."""

_SELECTING = frozenset((6, 38, *range(96, 102)))  # parameters: they mean something in a row only
_USUAL_PARAMETERS = ((101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127))  # bends of a tone
_AT_REST = {7: 100, 8: 64, 10: 64, 11: 127, **dict.fromkeys(range(71, 80), 64), 91: 40}
_AT_REST[BEND] = BEND_CENTRE
_DRUM_BANK, _MELODIC_BANK = 120, 121  # General MIDI 2: they choose drums, or an instrument


class Control(NamedTuple):
    """A message: the tick and the chunk where it stands, its number and its value."""

    tick: int
    chunk: int
    number: int
    value: int


class Voice(NamedTuple):
    """What one chunk plays on a channel; controls: those of its track, by tick."""

    chunk: int
    program: int
    controls: Table


def at_rest(number: int) -> int:
    """Return the value of a controller, bend or pressure on a channel that was just reset."""
    return _AT_REST.get(number, 0)


def own_channel(voice: Voice, sounding: Sequence[tuple[int, int]]) -> list[Control]:
    """Return the messages of a channel that belongs to one chunk.

    sounding: the spans of ticks of the channel's notes and pedals. A channel mode, which would end
    what sounds, is left out while anything does.
    """
    chunk, program = voice.chunk, voice.program % DRUMS
    rows = _writable(voice)
    found = [Control(0, chunk, PROGRAM, program)] if not _selects_at_once(rows) else []
    for index, (tick, _, number, value) in enumerate(rows):
        if number >= MODES and number < BEND and any(a < tick < b for a, b in sounding):
            continue
        found.append(Control(tick, chunk, number, value))
        following = rows[index + 1] if index + 1 < len(rows) else (-1, 0, -1, 0)
        if number in BANKS and (following[0] != tick or following[2] not in BANKS):
            found.append(Control(tick, chunk, PROGRAM, program))
    return found


def shared_channel(voices: Sequence[Voice], strokes: Iterable[tuple[int, int]]) -> list[Control]:
    """Return the messages of a channel that chunks share.

    strokes: (tick, chunk) of all notes, in order. Channel modes are left out.
    """
    one_program = len({voice.program for voice in voices}) == 1
    state = _State()
    found = []
    if one_program:
        state.program = voices[0].program % DRUMS
        found = [Control(0, voice.chunk, PROGRAM, state.program) for voice in voices]
        if not any(len(voice.controls) for voice in voices):
            return found
    wanted = {voice.chunk: _Wanted(voice) for voice in voices}
    begun = set(wanted) if one_program else set()
    turns = _turns(strokes)
    for index, (tick, chunk, contested) in enumerate(turns):
        want = wanted[chunk]
        want.advance(tick)
        # Readers may look at one chunk at a time, or at the program changes of a tick before its
        # notes. So a chunk says its program when it begins, and where it shares a tick.
        if chunk not in begun or (contested and not one_program):
            state.program = -1
            begun.add(chunk)
        found += [Control(tick, chunk, *sent) for sent in state.changes(want)]
        until = turns[index + 1][0] if index + 1 < len(turns) else FOREVER
        while (at := want.next_tick) < until:
            want.advance(at)
            found += [Control(at, chunk, *sent) for sent in state.changes(want)]
    return found


def _writable(voice: Voice) -> list[tuple[int, int, int, int]]:
    """Return the controls of a voice without banks that would turn drums into notes or back."""
    wrong = _MELODIC_BANK if voice.program == DRUMS else _DRUM_BANK
    return [row for row in voice.controls.tolist() if (row[2], row[3]) != (0, wrong)]


def _selects_at_once(rows: list[tuple[int, int, int, int]]) -> bool:
    return any(tick == 0 and number in BANKS for tick, _, number, _ in rows)


def _turns(strokes: Iterable[tuple[int, int]]) -> list[tuple[int, int, bool]]:
    """Return the strokes at which the channel goes over to another chunk.

    Each is the tick, the chunk, and whether several chunks strike at that tick; then all do.
    """
    turns: list[tuple[int, int, bool]] = []
    for tick, group in itertools.groupby(dict.fromkeys(strokes), key=lambda stroke: stroke[0]):
        chunks = [chunk for _, chunk in group]
        contested = len(chunks) > 1
        if contested or not turns or turns[-1][1] != chunks[0]:
            turns += [(tick, chunk, contested) for chunk in chunks]
    return turns


class _Wanted:
    """What the track of a voice has set by a tick that only rises."""

    def __init__(self, voice: Voice) -> None:
        self.program = voice.program % DRUMS
        self.values: dict[int, int] = {}
        self.parameters: tuple[tuple[int, int], ...] = ()
        self._rows = [row for row in _writable(voice) if not MODES <= row[2] < BEND]
        self._next = 0

    def advance(self, tick: int) -> None:
        """Take in the controls up to a tick, and at it."""
        while self._next < len(self._rows) and self._rows[self._next][0] <= tick:
            _, _, number, value = self._rows[self._next]
            if number in _SELECTING:
                self.parameters += ((number, value),)
            else:
                self.values[number] = value
            self._next += 1

    @property
    def next_tick(self) -> int:
        """The tick of the next control, or FOREVER."""
        return self._rows[self._next][0] if self._next < len(self._rows) else FOREVER


class _State:
    """What was last sent to a channel."""

    def __init__(self) -> None:
        self.program = -1
        self.values: Mapping[int, int] = {}
        self.parameters: tuple[tuple[int, int], ...] = ()

    def changes(self, want: _Wanted) -> list[tuple[int, int]]:
        """Return (number, value) of what has to be sent to bring the channel to `want`."""
        differ = [
            (number, want.values.get(number, at_rest(number)))
            for number in sorted(self.values.keys() | want.values.keys())
            if self.values.get(number, at_rest(number)) != want.values.get(number, at_rest(number))
        ]
        banks = [(number, value) for number, value in differ if number in BANKS]
        others = [(number, value) for number, value in differ if number not in BANKS]
        program = [(PROGRAM, want.program)] if banks or self.program != want.program else []
        known = len(self.parameters)
        if want.parameters[:known] == self.parameters:
            parameters = want.parameters[known:]
        else:
            parameters = want.parameters or _USUAL_PARAMETERS
        self.program, self.values = want.program, dict(want.values)
        self.parameters = want.parameters
        return [*banks, *program, *parameters, *others]

"""What is set on a channel, when: its program, whether it plays drums, and its sustain pedal.

A message counts for its channel in all track chunks. Messages at one tick count in the order of
their chunks, and before the notes of other chunks at that tick; a program that a chunk sets at the
tick of its own note counts for that note.

**Drums.** Channel 10 plays drums unless the file says otherwise, and other channels if it says so:

- General MIDI 2: bank 120 is a drum kit, bank 121 a melodic instrument ("General MIDI System Level
  2", 1999, section 3.3.1). These banks count in a file that names no system, too.
- Yamaha XG: banks 126 and 127 are drum kits, any other that is set is melodic; part mode.
- Roland GS: "use for rhythm part" (40 1x 15).

A bank counts from the next program change on. In a file that names General MIDI 1, banks say
nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from howlkit.music.midi.exact.events import SYSEX, Chunk, Message, Meta

__all__ = ["Setting", "presses_of", "setting_at", "settings_of"]

_CONTROLLER, _PROGRAM = 0xB0, 0xC0
_BANK, _SUSTAIN, _RESET_ALL = 0, 64, 121
_DRUM_CHANNEL = 9  # counted from 0
_GM2_DRUMS, _GM2_MELODIC = 120, 121
_XG_DRUMS = (126, 127)

_SYSTEMS = {
    "GM": re.compile(rb"\x7e.\x09\x01", re.DOTALL),
    "GM2": re.compile(rb"\x7e.\x09\x03", re.DOTALL),
    "GS": re.compile(rb"\x41.\x42\x12\x40\x00\x7f\x00", re.DOTALL),
    "XG": re.compile(rb"\x43[\x10-\x1f]\x4c\x00\x00\x7e\x00"),
}
_GS_PART = re.compile(rb"\x41.\x42\x12\x40([\x10-\x1f])\x15([\x00-\x02])", re.DOTALL)
_XG_PART = re.compile(rb"\x43[\x10-\x1f]\x4c\x08([\x00-\x0f])\x07([\x00-\x05])")


class Setting(NamedTuple):
    """The program of a channel and whether it plays drums, from a place of the file on.

    tick, chunk, order: the place; order as in `Message`.
    """

    tick: int
    chunk: int
    order: int
    program: int
    drums: bool


def settings_of(chunks: Sequence[Chunk]) -> dict[int, list[Setting]]:
    """Return the settings of each channel that has a message, in order."""
    found: dict[int, list[Setting]] = defaultdict(list)
    states: dict[int, _Channel] = {}
    system = ""
    for tick, chunk, event in _merged(chunks):
        if isinstance(event, Meta):
            if named := _system(event.data):
                system = named
                changed = [state for state in states.values() if state.set_system()]
            else:
                changed = _part_modes(event.data, states)
        else:
            state = states.setdefault(event.channel, _Channel(event.channel))
            changed = [state] if state.set(event, system) else []
        for state in changed:
            setting = Setting(tick, chunk, event.order, state.program, state.drums)
            found[state.channel].append(setting)
    return found


def setting_at(
    settings: Sequence[Setting], channel: int, tick: int, chunk: int, order: int
) -> tuple[int, bool]:
    """Return the program of a channel, and whether it plays drums, for a note at this place."""
    index = bisect_right(settings, tick, key=lambda setting: setting.tick)
    here = index
    while here and settings[here - 1].tick == tick:
        there = settings[here - 1]
        if there.chunk == chunk and there.order <= order:  # its own chunk says it at its tick
            return there.program, there.drums
        here -= 1
    while index:
        there = settings[index - 1]
        if there.tick < tick or there.chunk != chunk or there.order <= order:
            return there.program, there.drums
        index -= 1
    return 0, _is_drum_channel(channel)


def presses_of(chunks: Sequence[Chunk]) -> dict[int, list[int]]:
    """Return by channel the ticks at which its sustain pedal goes down and comes up, in turns."""
    down: dict[int, list[int]] = defaultdict(list)
    for tick, _, event in _merged(chunks):
        if isinstance(event, Message) and event.kind == _CONTROLLER:
            turns = down[event.channel]
            pressed = event.number == _SUSTAIN and event.value >= 64
            lifted = event.number == _RESET_ALL or (event.number == _SUSTAIN and not pressed)
            if (pressed and not len(turns) % 2) or (lifted and len(turns) % 2):
                turns.append(tick)
    return {channel: turns for channel, turns in down.items() if turns}


class _Channel:
    """A channel as the messages so far have left it."""

    def __init__(self, channel: int) -> None:
        self.channel = channel
        self.program = 0
        self.bank = -1  # none was chosen
        self.part = _is_drum_channel(channel)  # what it plays if no bank says otherwise
        self.drums = self.part

    def set_system(self) -> bool:
        """Take in that the file names a system; return whether that changes what is played."""
        before = self.drums
        self.bank, self.part = -1, _is_drum_channel(self.channel)
        self.drums = self.part
        return self.drums != before

    def set_part(self, drums: bool) -> bool:
        """Take in a part mode; return whether that changes what is played."""
        before, self.part, self.drums = self.drums, drums, drums
        return drums != before

    def set(self, message: Message, system: str) -> bool:
        """Take in a message; return whether it is a program change."""
        if message.kind == _CONTROLLER and message.number == _BANK:
            self.bank = message.value
        if message.kind != _PROGRAM:
            return False
        self.program = message.number
        self.drums = self._drums(system)
        return True

    def _drums(self, system: str) -> bool:
        if system in ("", "GM2") and self.bank in (_GM2_DRUMS, _GM2_MELODIC):
            return self.bank == _GM2_DRUMS
        if system == "XG" and self.bank >= 0:
            return self.bank in _XG_DRUMS
        return self.part


def _is_drum_channel(channel: int) -> bool:
    return channel % 16 == _DRUM_CHANNEL


def _merged(chunks: Sequence[Chunk]) -> Iterator[tuple[int, int, Message | Meta]]:
    """Yield (tick, chunk, event) of messages, exclusive ones too, in the order in which they count.

    Exclusive messages come first at their tick: a reset must not undo what stands beside it.
    """
    found = [
        (event.tick, isinstance(event, Message), index, event)
        for index, chunk in enumerate(chunks)
        for event in chunk.others
        if isinstance(event, Message) or event.kind == SYSEX
    ]
    found.sort(key=lambda item: item[:3])  # stable: events of one chunk stay in order
    for tick, _, index, event in found:
        yield tick, index, event


def _system(data: bytes) -> str:
    """Return the system that an exclusive message turns on: GM, GM2, GS, XG, or "" for none."""
    return next((name for name, said in _SYSTEMS.items() if said.match(data)), "")


def _part_modes(data: bytes, states: dict[int, _Channel]) -> list[_Channel]:
    """Take in what an exclusive message says about a part; return the channels that it changes."""
    if roland := _GS_PART.match(data):
        block = roland[1][0] & 15  # part 10 comes first, then 1 to 9, then 11 to 16
        channel = _DRUM_CHANNEL if block == 0 else block - (block <= _DRUM_CHANNEL)
        drums = roland[2] != b"\0"
    elif yamaha := _XG_PART.match(data):
        channel, drums = yamaha[1][0], yamaha[2] != b"\0"
    else:
        return []
    state = states.setdefault(channel, _Channel(channel))
    return [state] if state.set_part(drums) else []

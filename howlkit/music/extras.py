"""What a MIDI file says beside its notes: controllers, pitch bends, and texts such as track names.

A Piece that was read keeps these, so that a prompt comes out of `howlkit sample` as it was. Nothing
else uses them: encoders do not see them, and prepared datasets do not store them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from howlkit.errors import PieceError
from howlkit.music.tables import MAX_TICK, Table

__all__ = [
    "BEND",
    "BEND_CENTRE",
    "CONTROL",
    "LYRIC",
    "NO_EXTRAS",
    "NO_TRACK",
    "PRESSURE",
    "SUSTAIN",
    "TRACK_NAME",
    "Extras",
    "Text",
    "go_on",
]

CONTROL = np.dtype([("tick", "<i4"), ("track", "<u2"), ("number", "u1"), ("value", "<u2")])
"""A controller of a track, set at a tick; number: 0..127, `BEND` or `PRESSURE`."""

BEND = 128
"""The number of pitch bends: values 0..16383, the centre is `BEND_CENTRE`."""

PRESSURE = 129
"""The number of channel pressure: values 0..127."""

BEND_CENTRE = 8192

LYRIC, TRACK_NAME = 5, 3
"""Kinds of a `Text`."""

SUSTAIN = 64
"""The controller that is not here: the sustain pedal has a table of its own, `Piece.pedals`."""

NO_TRACK = -1
"""The track of a text that belongs to no track with notes."""

_LONGEST_TEXT = 2**28 - 1  # bytes: the longest that a MIDI file can say


class Text(NamedTuple):
    """A text of a MIDI file, as bytes, since a file does not say how it is encoded.

    kind: the type of its meta event: 1 text, 2 copyright, 3 track name, 4 instrument, 5 lyric,
    6 marker, 7 cue point. track: -1 if it belongs to no track with notes.
    """

    tick: int
    track: int
    kind: int
    data: bytes


@dataclass(frozen=True, eq=False)
class Extras:
    """The controllers and texts of a piece; a frozen value, valid by construction.

    controls: array of `CONTROL`, by tick and track; those of one track at one tick keep their
        order, in which they count.
    texts: by tick and track; those of one track at one tick keep their order.

    Raises PieceError, naming the column and the value, if one is not allowed.

    >>> extras = Extras(np.array([(0, 0, 7, 100), (480, 0, BEND, 9000)], CONTROL))
    >>> extras.moved(lambda ticks: ticks + 10).controls["tick"].tolist()
    [10, 490]
    """

    controls: Table = field(default_factory=lambda: np.empty(0, CONTROL))
    texts: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        """Check all values, sort by tick and track, and lock the array."""
        controls = self.controls
        if not isinstance(controls, np.ndarray) or controls.dtype != CONTROL or controls.ndim != 1:
            raise PieceError(f"controls must be a 1-D array of dtype {CONTROL}")
        _check_controls(controls)
        for text in self.texts:
            _check_text(text)
        key = controls["tick"].astype(np.int64) << 16 | controls["track"]
        if np.count_nonzero(key[1:] < key[:-1]):
            controls = controls[key.argsort(kind="stable")]
        controls.setflags(write=False)
        object.__setattr__(self, "controls", controls)
        texts = tuple(sorted(self.texts, key=lambda text: (text.tick, text.track)))
        object.__setattr__(self, "texts", texts)

    def __bool__(self) -> bool:
        """Return whether there is any controller or text."""
        return bool(len(self.controls) or self.texts)

    def __eq__(self, other: object) -> bool:
        """Compare all controllers and texts."""
        if not isinstance(other, Extras):
            return NotImplemented
        return np.array_equal(self.controls, other.controls) and self.texts == other.texts

    __hash__ = None  # type: ignore[assignment]  # arrays do not hash

    def moved(self, to: Callable[[Table], Table]) -> Extras:
        """Return the extras with all ticks changed by `to`; what comes after MAX_TICK is left out.

        to: from ticks, an array of int64, to ticks; those below 0 become 0.
        """
        if not self:
            return self
        ticks = np.maximum(to(self.controls["tick"].astype(np.int64)), 0)
        controls = self.controls[ticks <= MAX_TICK]
        controls["tick"] = ticks[ticks <= MAX_TICK]
        at = np.maximum(to(np.array([text.tick for text in self.texts], np.int64)), 0).tolist()
        texts = zip(self.texts, at, strict=True)
        return Extras(
            controls, tuple(text._replace(tick=tick) for text, tick in texts if tick <= MAX_TICK)
        )

    def before(self, tick: int) -> Extras:
        """Return the extras that stand before `tick`."""
        if not self:
            return self
        controls = self.controls[self.controls["tick"] < tick]
        return Extras(controls, tuple(text for text in self.texts if text.tick < tick))


def _check_controls(controls: Table) -> None:
    if not len(controls):
        return
    tick, number, value = controls["tick"], controls["number"], controls["value"]
    most = np.where(number == BEND, 16383, 127)
    for what, wrong, values, allowed in (
        ("control tick", tick < 0, tick, f"0..{MAX_TICK}"),
        ("control number", number > PRESSURE, number, f"0..{PRESSURE}"),
        ("control number", number == SUSTAIN, number, "all but the sustain pedal (see pedals)"),
        ("control value", value > most, value, "0..127 (0..16383 for a pitch bend)"),
    ):
        if wrong.any():
            got = int(values[wrong][0])
            raise PieceError(f"{what} is {got}; allowed: {allowed}")


def _check_text(text: Text) -> None:
    if not isinstance(text.data, bytes) or len(text.data) > _LONGEST_TEXT:
        raise PieceError(f"the data of a text must be at most {_LONGEST_TEXT} bytes")
    for what, value, low, high in (
        ("text tick", text.tick, 0, MAX_TICK),
        ("text track", text.track, NO_TRACK, 2**16 - 1),
        ("text kind", text.kind, 1, 7),
    ):
        if not low <= value <= high:
            raise PieceError(f"{what} is {value}; {low}..{high} are allowed")


def go_on(extras: Extras, cut: int, onsets: Mapping[int, int]) -> Extras:
    """Return the extras of a piece that new notes follow, without what would spoil those notes.

    cut: the tick of the last onset of the piece. onsets: the tick of the first new note by track.
    There, what `_LET_GO` names is let go, and what `_LEVELS` names gets back the value that it had
    at `cut`, if it changed after that, as in a fade.
    """
    added = []
    for track, onset in onsets.items():
        now: dict[int, int] = {}
        before: dict[int, int] = {}
        for tick, _, number, value in extras.controls[extras.controls["track"] == track].tolist():
            now[number] = value
            if tick <= cut:
                before[number] = value
        for number, value in now.items():
            if number in _LET_GO:
                wanted = BEND_CENTRE if number == BEND else 0
            else:
                wanted = before.get(number, value) if number in _LEVELS else value
            if wanted != value:
                added.append((onset, track, number, wanted))
    if not added:
        return extras
    return Extras(np.concatenate((extras.controls, np.array(added, CONTROL))), extras.texts)


_LET_GO = frozenset((1, 2, 65, 66, 67, BEND, PRESSURE))
"""Modulation, breath, portamento, sostenuto, the soft pedal, bends and pressure."""

_LEVELS = frozenset((7, 8, 10, 11))
"""Volume, balance, pan and expression."""

NO_EXTRAS = Extras()

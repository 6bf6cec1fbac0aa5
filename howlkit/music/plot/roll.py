"""A piece as a picture that musicians read at a glance: the piano-roll.

Conventions. Pitch runs upwards beside a keyboard, named as C4 = 60; time runs to the right in bars
or seconds and wraps into **systems**, like lines of sheet music. A note's colour is its instrument
(or its track, where all play the same), its shade the velocity; drums have rows below.
Lengths are CSS pixels; a **position** is a point of time in beats or in seconds, as shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.music import general_midi
from howlkit.music.piece import Piece
from howlkit.music.plot.axis import Axis, clock, metre, natural_unit, positions
from howlkit.music.plot.colours import (
    BAR,
    BEAT,
    BLACK_ROW,
    EBONY,
    INK,
    IVORY,
    KEY_EDGE,
    OCTAVE,
    PALE_INK,
    SHADES,
    WHITE_ROW,
    Colours,
    shaded,
)
from howlkit.music.plot.drawing import Drawing, Label, Shape, boxes, legible, text_width
from howlkit.music.plot.lanes import KEYBOARD, MARGIN, NAMED_DRUMS, Lanes
from howlkit.music.tables import DRUMS

__all__ = ["Unit", "draw"]

Unit = Literal["auto", "bars", "seconds"]

WIDTH = 1200.0
NARROWEST, WIDEST = 300.0, 10_000.0
TALLEST = 4800.0  # a longer piece is drawn smaller, so that no picture grows without bound
HEADER = 50.0
RULER = 16.0  # above a system, for bar numbers or seconds
BETWEEN = 22.0  # systems

BLACK_KEYS = (1, 3, 6, 8, 10)  # pitch classes

Array = NDArray[Any]


def draw(
    piece: Piece, *, unit: Unit = "auto", width: float | None = None, title: str | None = None
) -> Drawing:
    """Return the piano-roll of a piece.

    unit: what the time axis counts; "auto" shows bars where most notes start on a division of the
        beat, seconds where they do not, as in a recorded performance.
    width: of the picture, 300..10000 px (1200). Its height follows from the music.
    title: instead of the piece's name.
    Raises OptionError for any other unit or width.
    """
    _check(unit, width)
    width = WIDTH if width is None else width
    lanes = Lanes.of(piece)
    axis = Axis.of(
        piece,
        natural_unit(piece) if unit == "auto" else unit,
        room=width - lanes.gutter - MARGIN,
        most=max(int((TALLEST - HEADER) // (lanes.height + RULER + BETWEEN)), 1),
    )
    colours = Colours.of(piece)
    legend, legend_height = _legend(colours, width)
    top = HEADER + legend_height
    height = top + len(axis.systems) * (lanes.height + RULER + BETWEEN) - BETWEEN + MARGIN
    name = legible(piece.name if title is None else title)
    shapes = [*_header(piece, name, axis, width), *legend]
    marks = Marks.of(piece, axis, colours)
    for index in range(len(axis.systems)):
        y = top + RULER + index * (lanes.height + RULER + BETWEEN)
        shapes += _system(lanes, axis, marks, index=index, y=y)
    if not len(piece):
        centre = lanes.gutter + axis.scale * float(axis.systems[0, 1] - axis.systems[0, 0]) / 2
        y = top + RULER + lanes.height / 2
        shapes.append(Label(centre, y, "no notes", 14, PALE_INK, "middle"))
    return Drawing(math.ceil(width), math.ceil(height), tuple(shapes), name)


def _check(unit: str, width: float | None) -> None:
    if unit not in get_args(Unit):
        raise OptionError(f"no unit {unit!r} for a piano-roll: auto, bars or seconds are allowed")
    if width is not None and not NARROWEST <= width <= WIDEST:
        raise OptionError(
            f"a piano-roll cannot be {width} px wide: "
            f"{NARROWEST:g} to {WIDEST:g} are allowed, {WIDTH:g} is the default"
        )


@dataclass(frozen=True, eq=False)
class Marks:
    """The notes as drawn: positions of start and end, pitch, and colour by group.

    groups: (fill, is drum, indices of notes), drawn in this order.
    """

    start: Array
    end: Array
    pitch: Array
    groups: tuple[tuple[str, bool, Array], ...]

    @classmethod
    def of(cls, piece: Piece, axis: Axis, colours: Colours) -> Marks:
        """Place the notes in time and sort them into groups of one colour, the soft ones below."""
        velocity = piece.notes["velocity"].astype(int)
        varied = len(np.unique(velocity)) > 1
        shade = velocity * SHADES // 128 if varied else np.full(len(piece), SHADES - 1)
        is_drum = piece.notes["program"] == DRUMS
        code = (colours.part * SHADES + shade) * 2 + is_drum
        groups = []
        for value in np.unique(code).tolist():
            part, level = divmod(value // 2, SHADES)
            fill = shaded(colours.fills[part], level)
            groups.append((fill, bool(value % 2), np.flatnonzero(code == value)))
        start = positions(piece, axis.unit, piece.notes["start"].astype(np.int64))
        end = positions(piece, axis.unit, piece.ends)
        return cls(start, end, piece.notes["pitch"].astype(int), tuple(groups))


def _system(lanes: Lanes, axis: Axis, marks: Marks, *, index: int, y: float) -> Iterator[Shape]:
    """Draw one system whose first row begins at y."""
    start, end = axis.systems[index]
    width = (end - start) * axis.scale
    yield from _ground(lanes, width, y)
    yield from _grid(lanes, axis, index, y)
    yield from _notes(lanes, axis, marks, index, y)
    yield from _keyboard(lanes, y)
    yield from _drum_names(lanes, y)


def _ground(lanes: Lanes, width: float, y: float) -> Iterator[Shape]:
    """Draw rows in two tones, as on a keyboard, a line at each C, and the drums' rows."""
    x = lanes.gutter
    pitches = np.arange(lanes.low, lanes.high + 1)
    if len(pitches):
        yield boxes([x, y, width, lanes.pitched_height], WHITE_ROW)
        black = np.isin(pitches % 12, BLACK_KEYS)
        yield boxes([[x, y + t, width, lanes.row] for t in lanes.y(pitches[black])], BLACK_ROW)
        octaves = lanes.y(pitches[pitches % 12 == 0]) + lanes.row
        yield boxes([[x, y + t - 0.5, width, 1] for t in octaves], OCTAVE)
    if lanes.drums:
        height = len(lanes.drums) * lanes.drum_row
        yield boxes([x, y + lanes.drums_top, width, height], WHITE_ROW)
        stripes = lanes.drum_y(np.array(lanes.drums))[::2]
        yield boxes([[x, y + t, width, lanes.drum_row] for t in stripes], BLACK_ROW)


def _grid(lanes: Lanes, axis: Axis, index: int, y: float) -> Iterator[Shape]:
    """Draw the grid lines of a system, and the ruler above it."""
    start = axis.systems[index][0]
    spans = []
    if lanes.pitched_height:
        spans.append((y, lanes.pitched_height))
    if lanes.drums:
        spans.append((y + lanes.drums_top, len(lanes.drums) * lanes.drum_row))
    for where, fill in ((axis.faint, BEAT), (axis.lines, BAR)):
        at = where[axis.inside(where, index)]
        x = lanes.gutter + (at - start) * axis.scale
        yield boxes([[v - 0.5, top, 1, high] for v in x for top, high in spans], fill)
    inside = np.flatnonzero(axis.inside(axis.lines, index))
    # The line that ends a system is named where the next one begins.
    for line in inside.tolist():
        x = lanes.gutter + (axis.lines[line] - start) * axis.scale
        if axis.names[line] and axis.lines[line] < axis.systems[index][1] - 1e-6:
            yield Label(x + 2, y - 4, axis.names[line], 9.5, PALE_INK)


def _notes(lanes: Lanes, axis: Axis, marks: Marks, index: int, y: float) -> Iterator[Shape]:
    """Draw what sounds in a system; a note that the system's edge cuts goes on in the next one."""
    start, end = axis.systems[index]
    # Round corners cost three times the bytes; they are for pictures that are looked at closely.
    radius = min(1.5, lanes.row / 5) if len(marks.start) <= 6000 else 0.0
    for fill, is_drum, notes in marks.groups:
        sounds = (marks.start[notes] < end) & (marks.end[notes] > start)
        if is_drum:  # a drum is struck, its length means nothing
            sounds &= marks.start[notes] >= start
        notes = notes[sounds]
        if not len(notes):
            continue
        x = np.maximum(marks.start[notes] - start, 0) * axis.scale
        right = (np.minimum(marks.end[notes], end) - start) * axis.scale
        if is_drum:
            top, high, wide = lanes.drum_y(marks.pitch[notes]), lanes.drum_row, np.full(len(x), 3.0)
        else:
            # A gap of half a pixel or so lets repeated notes be seen.
            top, high = lanes.y(marks.pitch[notes]), lanes.row
            wide = np.maximum(right - x - 0.7, 1.4)
        inset = high / 8 if is_drum else 0.3
        rows = (lanes.gutter + x, y + top + inset, wide, np.full(len(x), high - 2 * inset))
        # Notes that coincide on the picture are drawn once, which bounds the file's size.
        yield boxes(np.unique(np.round(np.stack(rows, axis=1), 1), axis=0), fill, radius=radius)


def _keyboard(lanes: Lanes, y: float) -> Iterator[Shape]:
    """Draw the keys beside the rows, and the names of the Cs."""
    pitches = np.arange(lanes.low, lanes.high + 1)
    if not len(pitches):
        return
    x = lanes.gutter - KEYBOARD
    yield boxes([x, y, KEYBOARD - 2, lanes.pitched_height], KEY_EDGE)
    yield boxes([x + 1, y + 1, KEYBOARD - 4, lanes.pitched_height - 2], IVORY)
    # White keys meet at B-C and E-F, and under the middle of each black key.
    classes = pitches % 12
    seams = lanes.y(pitches) + np.where(np.isin(classes, BLACK_KEYS), lanes.row / 2, lanes.row)
    seams = seams[np.isin(classes, (*BLACK_KEYS, 0, 5)) & (pitches > lanes.low)]
    yield boxes([[x, y + t - 0.5, KEYBOARD - 2, 1] for t in seams], KEY_EDGE)
    black = lanes.y(pitches[np.isin(classes, BLACK_KEYS)])
    yield boxes([[x, y + t, KEYBOARD * 0.58, lanes.row] for t in black], EBONY)
    for pitch in pitches[classes == 0].tolist():
        baseline = y + float(lanes.y(np.array(pitch))) + lanes.row / 2 + 3.4
        yield Label(x - 4, baseline, f"C{pitch // 12 - 1}", 9.5, INK, "end")


def _drum_names(lanes: Lanes, y: float) -> Iterator[Shape]:
    if len(lanes.drums) > NAMED_DRUMS:
        middle = y + lanes.drums_top + len(lanes.drums) * lanes.drum_row / 2
        yield Label(lanes.gutter - 6, middle, "Drums", 9.5, INK, "end")
        return
    tops = lanes.drum_y(np.array(lanes.drums, int))
    for pitch, top in zip(lanes.drums, tops.tolist(), strict=True):
        baseline = y + top + lanes.drum_row / 2 + 2.8
        yield Label(lanes.gutter - 6, baseline, general_midi.drum_name(pitch), 8, INK, "end")


def _header(piece: Piece, title: str, axis: Axis, width: float) -> Iterator[Shape]:
    """Write the title at the left, and at the right how much music this is."""
    count = len(piece)
    facts = [f"{count:,} note{'s' * (count != 1)}"]
    if axis.unit == "bars" and count:
        bars = int(metre(piece, piece.beats_long)[3].sum())
        facts.append(f"{bars:,} bar{'s' * (bars != 1)}")
    facts.append(clock(piece.seconds_long))
    note = "  ·  ".join(facts)
    room = int((width - 2 * MARGIN - text_width(note, 11) - 20) / text_width("n", 17))
    shown = title if len(title) <= room else title[: max(room - 1, 1)] + "…"
    yield Label(MARGIN, 34, shown, 17, INK)
    yield Label(width - MARGIN, 34, note, 11, PALE_INK, "end")


def _legend(colours: Colours, width: float) -> tuple[list[Shape], float]:
    """Return swatches with names, in as many lines as they need, and the height of it."""
    if len(colours.names) < 2:
        return [], 0.0
    shapes: list[Shape] = []
    x, line = MARGIN, 0
    for name, fill in zip(colours.names, colours.fills, strict=True):
        wide = 14 + text_width(name, 10.5) + 18
        if x + wide > width - MARGIN and x > MARGIN:
            x, line = MARGIN, line + 1
        y = HEADER + 10 + 17 * line
        shapes.append(boxes([x, y - 8, 9, 9], fill, radius=1.5))
        shapes.append(Label(x + 14, y, name, 10.5, INK))
        x += wide
    return shapes, 17.0 * (line + 1) + 8

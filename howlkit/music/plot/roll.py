"""The piano-roll: a piece as a picture that musicians read at a glance.

Conventions. Pitch runs upwards beside a keyboard, named as C4 = 60; time runs to the right in bars
or seconds and wraps into **systems**, like lines of sheet music. The colour of a note shows its
instrument (or its track, if all play the same instrument), its shade the velocity; drums have rows
below. Lengths are CSS pixels; a **position** is a point of time in beats or in seconds, as shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    MARKED,
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
    piece: Piece,
    *,
    unit: Unit = "auto",
    width: float | None = None,
    title: str | None = None,
    mark: tuple[int, int] | None = None,
    nats: ArrayLike | None = None,
    among: Sequence[Piece] = (),
) -> Drawing:
    """Return the piano-roll of a piece.

    unit: what the time axis counts; "auto" shows bars if most notes start on a division of the
        beat, else seconds, as for a recorded performance.
    width: the width of the picture, 300..10000 px (1200). Its height follows from the music.
    title: the text to show; None: the name of the piece.
    mark: ticks (from, to) of a part that gets another ground.
    nats: (N,) what each note costs by a model; notes are coloured by it, and a scale is shown.
    among: pieces that are drawn alike, with the same axes and colours, `piece` one of them.
    Raises OptionError for any other unit or width, and for nats of another number of notes.

    >>> draw(Piece.of([(0, 480, 60)])).width
    1200
    """
    _check(unit, width)
    width = WIDTH if width is None else width
    every = _together(among) if among else piece
    lanes = Lanes.of(every)
    axis = Axis.of(
        every,
        natural_unit(every) if unit == "auto" else unit,
        room=width - lanes.gutter - MARGIN,
        most=max(int((TALLEST - HEADER) // (lanes.height + RULER + BETWEEN)), 1),
    )
    colours = _colours(piece, nats, among)
    legend, legend_height = _legend(colours, width)
    top = HEADER + legend_height
    height = top + len(axis.systems) * (lanes.height + RULER + BETWEEN) - BETWEEN + MARGIN
    name = legible(piece.name if title is None else title)
    shapes = [*_header(piece, name, axis, width), *legend]
    marks = Marks.of(piece, axis, colours, mark)
    for index in range(len(axis.systems)):
        y = top + RULER + index * (lanes.height + RULER + BETWEEN)
        shapes += _system(lanes, axis, marks, index=index, y=y)
    if not len(piece):
        centre = lanes.gutter + axis.scale * float(axis.systems[0, 1] - axis.systems[0, 0]) / 2
        y = top + RULER + lanes.height / 2
        shapes.append(Label(centre, y, "no notes", 14, PALE_INK, "middle"))
    return Drawing(math.ceil(width), math.ceil(height), tuple(shapes), name)


def _together(pieces: Sequence[Piece]) -> Piece:
    """Return the notes of all pieces at the first one's resolution and in its metre."""
    first = pieces[0]
    notes = []
    for piece in pieces:
        some = piece.notes.copy()
        scale = first.ticks_per_beat / piece.ticks_per_beat
        some["start"] = np.round(some["start"] * scale)
        some["duration"] = np.maximum(np.round(some["duration"] * scale), 1)
        notes.append(some)
    return first.replace(notes=np.concatenate(notes), context=0)


def _colours(piece: Piece, nats: ArrayLike | None, among: Sequence[Piece]) -> Colours:
    if nats is None:
        return Colours.of(piece, among)
    values = np.asarray(nats, np.float64)
    if values.shape != (len(piece),):
        raise OptionError(f"{len(piece)} notes cannot have nats of shape {values.shape}")
    return Colours.of_values(values, "nats a note") if len(piece) else Colours.of(piece)


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
    """The notes to draw: positions of start and end, pitch, and groups of one colour.

    groups: (fill, whether drums, indices of notes), drawn in this order. part: positions between
    which the ground is marked.
    """

    start: Array
    end: Array
    pitch: Array
    groups: tuple[tuple[str, bool, Array], ...]
    part: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, piece: Piece, axis: Axis, colours: Colours, mark: tuple[int, int] | None = None
    ) -> Marks:
        """Find the positions of notes and sort them into groups of one colour, soft ones first."""
        velocity = piece.notes["velocity"].astype(int)
        varied = colours.by_velocity and len(np.unique(velocity)) > 1
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
        part = None
        if mark is not None:
            begin, stop = positions(piece, axis.unit, np.array(mark, np.int64)).tolist()
            part = (begin, stop)
        return cls(start, end, piece.notes["pitch"].astype(int), tuple(groups), part)


def _system(lanes: Lanes, axis: Axis, marks: Marks, *, index: int, y: float) -> Iterator[Shape]:
    """Draw one system, from y down."""
    start, end = axis.systems[index]
    width = (end - start) * axis.scale
    yield from _ground(lanes, lanes.gutter, width, y, (WHITE_ROW, BLACK_ROW, OCTAVE))
    if marks.part is not None:
        low, high = np.clip(marks.part, start, end).tolist()
        if high > low:
            x = lanes.gutter + (low - start) * axis.scale
            yield from _ground(lanes, x, (high - low) * axis.scale, y, MARKED)
    yield from _grid(lanes, axis, index, y)
    yield from _notes(lanes, axis, marks, index, y)
    yield from _keyboard(lanes, y)
    yield from _drum_names(lanes, y)


def _ground(
    lanes: Lanes, x: float, width: float, y: float, fills: tuple[str, str, str]
) -> Iterator[Shape]:
    """Draw the rows from x on, dark for black keys, a line at each C, and the rows of drums."""
    white, dark, octave = fills
    pitches = np.arange(lanes.low, lanes.high + 1)
    if len(pitches):
        yield boxes([x, y, width, lanes.pitched_height], white)
        black = np.isin(pitches % 12, BLACK_KEYS)
        yield boxes([[x, y + t, width, lanes.row] for t in lanes.y(pitches[black])], dark)
        octaves = lanes.y(pitches[pitches % 12 == 0]) + lanes.row
        yield boxes([[x, y + t - 0.5, width, 1] for t in octaves], octave)
    if lanes.drums:
        height = len(lanes.drums) * lanes.drum_row
        yield boxes([x, y + lanes.drums_top, width, height], white)
        stripes = lanes.drum_y(np.array(lanes.drums))[::2]
        yield boxes([[x, y + t, width, lanes.drum_row] for t in stripes], dark)


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
    # The line at the end of a system gets its name where the next system begins.
    for line in inside.tolist():
        x = lanes.gutter + (axis.lines[line] - start) * axis.scale
        if axis.names[line] and axis.lines[line] < axis.systems[index][1] - 1e-6:
            yield Label(x + 2, y - 4, axis.names[line], 9.5, PALE_INK)


def _notes(lanes: Lanes, axis: Axis, marks: Marks, index: int, y: float) -> Iterator[Shape]:
    """Draw the notes that sound in a system; a note cut by its edge goes on in the next one."""
    start, end = axis.systems[index]
    # Round corners take three times the bytes, so large pictures do without.
    radius = min(1.5, lanes.row / 5) if len(marks.start) <= 6000 else 0.0
    for fill, is_drum, notes in marks.groups:
        sounds = (marks.start[notes] < end) & (marks.end[notes] > start)
        if is_drum:  # a drum is drawn where it is struck, since its length means nothing
            sounds &= marks.start[notes] >= start
        notes = notes[sounds]
        if not len(notes):
            continue
        x = np.maximum(marks.start[notes] - start, 0) * axis.scale
        right = (np.minimum(marks.end[notes], end) - start) * axis.scale
        if is_drum:
            top, high, wide = lanes.drum_y(marks.pitch[notes]), lanes.drum_row, np.full(len(x), 3.0)
        else:
            # A gap of about half a pixel shows where a note is repeated.
            top, high = lanes.y(marks.pitch[notes]), lanes.row
            wide = np.maximum(right - x - 0.7, 1.4)
        inset = high / 8 if is_drum else 0.3
        rows = (lanes.gutter + x, y + top + inset, wide, np.full(len(x), high - 2 * inset))
        # Notes at the same pixels are drawn once, which bounds the size of the file.
        yield boxes(np.unique(np.round(np.stack(rows, axis=1), 1), axis=0), fill, radius=radius)


def _keyboard(lanes: Lanes, y: float) -> Iterator[Shape]:
    """Draw the keyboard at the left of the rows, and the name of each C."""
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
    """Write the title at the left, and the numbers of notes, bars and minutes at the right."""
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
    """Return the legend, a swatch and a name for each part, and its height."""
    if len(colours.names) < 2:
        return [], 0.0
    shapes: list[Shape] = []
    x, line = MARGIN, 0
    if colours.heading:
        shapes.append(Label(x, HEADER + 10, colours.heading, 10.5, INK))
        x += text_width(colours.heading, 10.5) + 14
    for name, fill in zip(colours.names, colours.fills, strict=True):
        wide = 14 + text_width(name, 10.5) + 18
        if x + wide > width - MARGIN and x > MARGIN:
            x, line = MARGIN, line + 1
        y = HEADER + 10 + 17 * line
        shapes.append(boxes([x, y - 8, 9, 9], fill, radius=1.5))
        shapes.append(Label(x + 14, y, name, 10.5, INK))
        x += wide
    return shapes, 17.0 * (line + 1) + 8

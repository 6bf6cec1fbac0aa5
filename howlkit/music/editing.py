"""Edits of a Piece: cut a part out, add and remove notes, transpose, quantise.

Every edit returns a new Piece. `Editing` holds the methods, which are those of `Piece`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import PieceError
from howlkit.music.extras import TRACK_NAME, Extras
from howlkit.music.piece_tables import PieceTables
from howlkit.music.tables import (
    DRUMS,
    FOREVER,
    MAX_TICK,
    NOTE,
    Table,
    last_at_each_tick,
)

__all__ = [
    "Editing",
    "Range",
    "common_resolution",
    "maps_from",
    "note_table",
    "scaled_ticks",
    "shifted",
    "tracks_in",
]

P = TypeVar("P", bound=PieceTables)

Range = tuple[float, float | None]
"""From where to before where, such as (8, 16); None: to the end."""

_NOTE_FORM = "a note is (start, duration, pitch[, velocity, program, track]), in ticks"


class Editing:
    """The methods of a Piece that change what notes it has."""

    def add(self: P, notes: P | Table | Iterable[tuple[int, ...]] | tuple[int, ...]) -> P:
        """Return the piece with more notes; tempos, metres, pedals and extras stay.

        notes: rows as `Piece.of` takes them, one such row, an array of `NOTE`, or a Piece, whose
        notes sound in the same beats here. Of two resolutions the finer one is kept, and the notes
        of a Piece go to the tracks that `join` would give them. Raises PieceError for a note that
        is not allowed, and for an excerpt with context.

        >>> from howlkit import Piece
        >>> Piece.of([(0, 480, 60)]).add([(480, 480, 64), (480, 480, 67)]).notes["pitch"].tolist()
        [60, 64, 67]
        """
        _refuse_context(self, "add")
        if isinstance(notes, Editing):
            here, there = common_resolution(self, notes)
            added = there.notes.copy()
            added["track"] = tracks_in(added, here.notes)
        else:
            here, added = self, note_table(notes)
        latest = int(added["start"].max(initial=-1))
        until = here.until if latest < here.until else FOREVER
        return here.replace(notes=np.concatenate((here.notes, added)), until=until)

    def remove(self: P, where: ArrayLike | Callable[[Table], ArrayLike]) -> P:
        """Return the piece without some of its notes.

        where: (N,) True for each note to remove, or a function that returns this from the table of
        notes. Raises PieceError if it is not one truth value for each note.

        >>> from howlkit import Piece
        >>> piece = Piece.of([(0, 480, 40), (0, 480, 60), (480, 480, 62)])
        >>> piece.remove(lambda notes: notes["pitch"] < 48).notes["pitch"].tolist()
        [60, 62]
        """
        mask = np.asarray(where(self.notes) if callable(where) else where)
        if mask.dtype != bool or mask.shape != (len(self),):
            raise PieceError(
                f"remove needs True or False for each of the {len(self)} notes, such as "
                f"piece.notes['pitch'] < 48; got an array of {mask.dtype} {mask.shape}"
            )
        kept = ~mask
        context = int(np.count_nonzero(kept[: self.context]))
        return self.replace(notes=self.notes[kept], context=context)

    def shift(self: P, beats: float) -> P:
        """Return the piece moved in time, with all that stands in it; beats: below 0, earlier.

        Raises PieceError if a note would begin before tick 0 or end after MAX_TICK, and for an
        excerpt with context.

        >>> from howlkit import Piece
        >>> Piece.of([(0, 480, 60)]).shift(1.5).notes["start"].tolist()
        [720]
        """
        _refuse_context(self, "shift")
        if isinstance(beats, bool) or not isinstance(beats, int | float | np.number):
            raise PieceError(f"shift got {beats!r}; a number of beats is needed")
        if not math.isfinite(beats):
            raise PieceError(f"shift got {beats!r}; a finite number of beats is needed")
        return shifted(self, round(float(beats) * self.ticks_per_beat))

    def transpose(self: P, semitones: int) -> P:
        """Return the piece so many semitones higher (or lower, below 0), with its keys; drums stay.

        Raises PieceError if a pitch would leave 0..127; the message says how far it can go.

        >>> from howlkit import Piece
        >>> Piece.of([(0, 480, 60), (480, 480, 64)]).transpose(-12).notes["pitch"].tolist()
        [48, 52]
        """
        shift = _whole("transpose", semitones, "a whole number of semitones")
        melodic = self.notes["program"] != DRUMS
        pitches = self.notes["pitch"][melodic].astype(np.int64)
        if len(pitches) and not 0 <= pitches.min() + shift <= pitches.max() + shift <= 127:
            low, high = -int(pitches.min()), 127 - int(pitches.max())
            raise PieceError(
                f"transposed by {shift} semitones, pitches would leave 0..127; {low}..{high} "
                "semitones are allowed here. Or remove the notes that do not fit"
            )
        notes, keys = self.notes.copy(), self.key_signatures.copy()
        notes["pitch"][melodic] = pitches + shift
        # A semitone up is seven fifths up; keys are named with -5 (D flat) to 6 (F sharp) sharps.
        keys["sharps"] = (keys["sharps"].astype(np.int64) + 7 * shift + 5) % 12 - 5
        return self.replace(notes=notes, key_signatures=keys if shift else self.key_signatures)

    def quantise(self: P, grid: int) -> P:
        """Return the piece with every onset and every end on a grid.

        grid: positions a beat, 1..ticks_per_beat, as in `tuple.grid`: 4 are sixteenth notes, 12
        sixteenths and triplets. Each goes to the nearest position, a note lasts at least one, and
        pedals move alike. Raises PieceError for another grid.

        >>> from howlkit import Piece
        >>> piece = Piece.of([(5, 100, 60), (235, 260, 62)]).quantise(4)
        >>> piece.notes[["start", "duration"]].tolist()
        [(0, 120), (240, 240)]
        """
        grid = _whole("quantise", grid, "a whole number of positions a beat")
        resolution = self.ticks_per_beat
        if not 1 <= grid <= resolution:
            raise PieceError(f"the grid is {grid} a beat; 1..{resolution} (ticks) are allowed")
        notes, pedals = self.notes.copy(), self.pedals.copy()
        for table, least in ((notes, 1), (pedals, 0)):
            begin = table["start"].astype(np.int64)
            stop = scaled_ticks(begin + table["duration"], grid, resolution)
            begin = scaled_ticks(begin, grid, resolution)
            stop = scaled_ticks(np.maximum(stop, begin + least), resolution, grid)
            begin = scaled_ticks(begin, resolution, grid)
            if stop.max(initial=0) > MAX_TICK:
                raise PieceError(f"quantised, a note would end after tick {MAX_TICK}")
            table["start"], table["duration"] = begin, stop - begin
        return self.replace(notes=notes, pedals=pedals)

    def _between(self: P, *, beats: Range | None, seconds: Range | None) -> P:
        """Return the notes that begin in a range, as `Piece.excerpt` says of ranges."""
        if beats is not None:
            low, high = _checked_range("beats", beats)
            begin = round(low * self.ticks_per_beat)
            stop = None if high is None else round(high * self.ticks_per_beat)
        else:
            low, high = _checked_range("seconds", seconds)
            begin = int(self.ticks(low))
            stop = None if high is None else int(self.ticks(high))
        starts = self.notes["start"]
        kept = (starts >= begin) & (starts < (FOREVER if stop is None else stop))
        notes = self.notes[kept]
        notes["start"] -= begin
        last = bool(kept[-1]) if len(self) else True
        return self.without_notes().replace(
            notes=notes,
            pedals=_pedals_from(self.pedals, begin, stop),
            extras=_extras_from(self.extras, begin, stop),
            has_end=last and self.has_end,
            **maps_from(self, begin, stop),
        )


def note_table(notes: Any) -> Table:  # noqa: ANN401 - what users give
    """Return notes as a table of `NOTE`: rows (start, duration, pitch[, velocity, program, track]).

    notes: such rows, one of them, or a table. Raises PieceError, with the form of a note, for
    anything else.
    """
    if isinstance(notes, np.ndarray) and notes.dtype == NOTE:
        return np.atleast_1d(notes)
    defaults = (80, 0, 0)
    try:
        listed = list(notes)
        if listed and all(isinstance(value, int | np.integer) for value in listed):
            listed = [tuple(listed)]  # one note
        for row in listed:
            if not 3 <= len(row) <= 6:
                raise PieceError(f"{_NOTE_FORM}; {row!r} has {len(row)} values")
        rows = [(*row, *defaults[len(row) - 3 :]) for row in listed]
        return np.array(rows, dtype=NOTE)
    except (OverflowError, ValueError, TypeError) as error:
        raise PieceError(f"{_NOTE_FORM}: {error}") from error


def shifted(piece: P, ticks: int) -> P:
    """Return a piece moved by a number of ticks; errors as `Editing.shift`.

    What is said before tick 0 then counts from tick 0.
    """
    starts = piece.notes["start"].astype(np.int64) + ticks
    if len(starts) and (starts[0] < 0 or int((starts + piece.notes["duration"]).max()) > MAX_TICK):
        raise PieceError(
            f"a piece whose first note begins at tick {starts[0] - ticks} cannot be moved by "
            f"{ticks} ticks: notes begin at 0 or later, and end at {MAX_TICK} or before"
        )
    notes = piece.notes.copy()
    notes["start"] = starts
    tables = {"pedals": _pedals_from(piece.pedals, -ticks, None), **maps_from(piece, -ticks)}
    extras = piece.extras.moved(lambda at: at + ticks)
    until = piece.until if piece.until >= FOREVER else piece.until + ticks
    return piece.replace(notes=notes, extras=extras, until=until, **tables)


def common_resolution(one: P, other: P) -> tuple[P, P]:
    """Return two pieces at one resolution: the least that has the ticks of both, or the finer."""
    resolution = math.lcm(one.ticks_per_beat, other.ticks_per_beat)
    if resolution > 32767:
        resolution = max(one.ticks_per_beat, other.ticks_per_beat)
    return one.at_resolution(resolution), other.at_resolution(resolution)


def tracks_in(notes: Table, others: Table) -> NDArray[np.int64]:
    """Return the track that each of `notes` gets where it joins `others`.

    It stays in its track if that has its program there too; else it goes to the track with its
    program, or to a new one.
    """
    tracks = notes["track"].astype(np.int64)
    there = {(int(n["track"]), int(n["program"])) for n in others}
    track_of = {program: track for track, program in sorted(there, reverse=True)}
    for track, program in sorted({(int(n["track"]), int(n["program"])) for n in notes}):
        if (track, program) not in there:
            free = max((*track_of.values(), *(t for t, _ in there)), default=-1) + 1
            to = track_of.setdefault(program, free)
            tracks[(notes["track"] == track) & (notes["program"] == program)] = to
    return tracks


def scaled_ticks(ticks: Any, numerator: int, denominator: int) -> Any:  # noqa: ANN401 - array or scalar
    """Return ticks * numerator / denominator to the nearest whole, halves up, without overflow."""
    return (2 * np.asarray(ticks, np.int64) * numerator + denominator) // (2 * denominator)


def maps_from(piece: PieceTables, begin: int, stop: int | None = None) -> dict[str, Table]:
    """Return tempos, metres and keys from tick `begin` on, which becomes tick 0.

    What holds at `begin` stands at tick 0. stop: what stands there or later is left out.
    """
    maps = {}
    for name in ("tempos", "time_signatures", "key_signatures"):
        table = getattr(piece, name)
        table = table.copy() if stop is None else table[table["tick"] < stop]
        table["tick"] = np.maximum(table["tick"].astype(np.int64) - begin, 0)
        maps[name] = last_at_each_tick(table)
    return maps


def _pedals_from(pedals: Table, begin: int, stop: int | None) -> Table:
    """Return the pedals that are down between two ticks, from `begin`, which becomes tick 0."""
    starts = pedals["start"].astype(np.int64)
    ends = starts + pedals["duration"]
    kept = (ends > begin) & (starts < (FOREVER if stop is None else stop))
    moved: Table = pedals[kept]
    moved["start"] = np.maximum(starts[kept] - begin, 0)
    moved["duration"] = ends[kept] - begin - moved["start"]
    return moved


def _extras_from(extras: Extras, begin: int, stop: int | None) -> Extras:
    """Return what controllers say between two ticks, and the texts there and names of tracks."""
    if not extras:
        return extras
    some = extras if stop is None else extras.before(stop)
    texts = tuple(t for t in some.texts if t.tick >= begin or t.kind == TRACK_NAME)
    return Extras(some.controls.copy(), texts).moved(lambda ticks: ticks - begin)


def _refuse_context(piece: PieceTables, edit: str) -> None:
    if piece.context:
        raise PieceError(
            f"{edit} needs a piece of its own, and this excerpt has {piece.context} notes of what "
            "comes before it; edit the whole piece, or take excerpt(beats=...)"
        )


def _whole(edit: str, value: object, wanted: str) -> int:
    """Return a whole number that a user gave; PieceError for anything else."""
    try:
        return operator.index(value)  # type: ignore[arg-type]  # what has no index raises
    except TypeError:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise PieceError(f"{edit} takes {wanted}; got {value!r}") from None


def _checked_range(unit: str, given: Any) -> Range:  # noqa: ANN401 - what users give
    """Return a range that a user gave; PieceError for anything else."""
    try:
        low, high = given
        begin, stop = float(low), None if high is None else float(high)
        fits = 0 <= begin < math.inf and (stop is None or begin <= stop < math.inf)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise PieceError(
            f"{unit} is {given!r}; give from where to before where, such as {unit}=(8, 16), or "
            f"{unit}=(8, None) for all from there on"
        )
    return begin, stop

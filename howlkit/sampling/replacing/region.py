"""Which notes of a piece are made anew: a span of time, some tracks, without what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import ArgumentError, HowlkitError
from howlkit.music.bars import tick_of_bar
from howlkit.music.piece import MAX_TICK, Piece
from howlkit.music.tables import Table
from howlkit.sampling.arguments import whole

__all__ = ["Keep", "Region", "Span"]

Span = tuple[float, float]

BEYOND = 4096
"""The most beats that a region may reach beyond the end of its piece: half an hour of music."""

Keep = ArrayLike | Callable[[Table], ArrayLike]
"""Which notes to keep: numbers of notes, a truth value for each, or a function of the table."""


@dataclass(frozen=True)
class Region:
    """A part of a piece that is to be made anew.

    piece: the whole piece, as it is. begin, stop: the ticks of the region; a note belongs to it if
    it begins at `begin` or later and before `stop`. fresh: (N,), which notes are to be made anew.
    tracks: those of new notes; None: all that the piece has. cut_held: whether notes of these
    tracks that sound when the region begins end there; else they last as they did. own_track:
    whether new notes get a track of their own.
    """

    piece: Piece
    begin: int
    stop: int
    fresh: NDArray[np.bool_]
    tracks: tuple[int, ...] | None = None
    cut_held: bool = False
    own_track: bool = False

    def __post_init__(self) -> None:
        """Raise ArgumentError if the region reaches far beyond the piece."""
        beyond = (self.stop - self.piece.end) // self.piece.ticks_per_beat
        if beyond > BEYOND:
            raise ArgumentError(
                f"the region ends {beyond} beats after the end of "
                f"{self.piece.name or 'the piece'}; at most {BEYOND} are allowed"
            )

    @classmethod
    def whole(cls, piece: Piece) -> Region:
        """Return a region in which all notes stay and new ones are added, on a track of their own.

        It goes from the beginning to the end of the bar in which the piece ends.
        """
        begin, bar = piece.bar_at(max(piece.end - 1, 0))
        return cls(piece, 0, begin + bar, np.zeros(len(piece), bool), own_track=True)

    @classmethod
    def of(
        cls,
        piece: Piece,
        *,
        bars: tuple[int, int] | None = None,
        beats: Span | None = None,
        seconds: Span | None = None,
        tracks: Iterable[int] | None = None,
        keep: Keep | None = None,
        cut_held: bool = False,
    ) -> Region:
        """Return a region of a piece.

        bars: the first and the last one, counted from 1. beats, seconds: from where and to before
        where, counted from the beginning. Give one of the three. tracks: numbers of tracks, as the
        notes have them; None: all. keep: notes of the region that stay.
        Raises ArgumentError for a span or a track that the piece does not have, and for a span that
        reaches more than `BEYOND` beats beyond its end.

        >>> piece = Piece.of([(480 * i, 480, 60 + i) for i in range(16)])
        >>> region = Region.of(piece, bars=(2, 3))
        >>> region.begin, region.stop, int(region.fresh.sum())
        (1920, 5760, 8)
        """
        begin, stop = _span(piece, bars=bars, beats=beats, seconds=seconds)
        start = piece.notes["start"]
        fresh = (start >= begin) & (start < stop)
        chosen = None if tracks is None else _tracks(piece, tracks)
        if chosen is not None:
            fresh &= np.isin(piece.notes["track"], chosen)
        if keep is not None:
            fresh &= ~_kept(piece, keep)
        return cls(piece, begin, stop, fresh, chosen, cut_held)

    @cached_property
    def kept(self) -> Piece:
        """The piece without the notes that are made anew."""
        notes = self.piece.notes[~self.fresh]
        if self.cut_held:
            notes = notes.copy()
            held = (notes["start"] < self.begin) & (_ends(notes) > self.begin)
            if self.tracks is not None:
                held &= np.isin(notes["track"], self.tracks)
            notes["duration"][held] = self.begin - notes["start"][held]
        return self.piece.replace(notes=notes)

    @cached_property
    def before(self) -> Piece:
        """What is kept before the region."""
        return self._part(self.kept.notes["start"] < self.begin)

    @cached_property
    def inside(self) -> Table:
        """The notes that are kept and begin in the region."""
        notes = self.kept.notes
        return notes[(notes["start"] >= self.begin) & (notes["start"] < self.stop)]

    @cached_property
    def after(self) -> Table:
        """The notes that begin after the region."""
        return self.kept.notes[self.kept.notes["start"] >= self.stop]

    @cached_property
    def original(self) -> Table:
        """The notes that are to be made anew, as they were."""
        return self.piece.notes[self.fresh]

    @cached_property
    def programs(self) -> list[int]:
        """The programs of new notes: those of the notes they replace, or else of the tracks."""
        notes = self.original
        if not len(notes):
            notes = self.piece.notes
            if self.tracks is not None:
                notes = notes[np.isin(notes["track"], self.tracks)]
        return sorted(set(notes["program"].tolist()))

    def _part(self, which: NDArray[np.bool_]) -> Piece:
        return self.kept.replace(notes=self.kept.notes[which], has_end=False)

    def fitted(self, notes: Table, *, may_last: bool = False) -> Table:
        """Return new notes as they fit in: they change nothing of what is kept.

        They end where the region does, unless they may last longer, and where a kept note of their
        key begins; none begins while one sounds. They get the track of the notes they replace.
        """
        new = notes.copy()
        new["track"] = self._tracks_for(new)
        if not may_last:
            new["duration"] = np.minimum(_ends(new), self.stop) - new["start"]
        return _apart(new, self.kept)

    def with_notes(self, notes: Table) -> Piece:
        """Return the piece with `notes`, which fit in, in place of those that are made anew."""
        return self.kept.replace(notes=np.concatenate((self.kept.notes, notes)))

    def _tracks_for(self, new: Table) -> NDArray[np.int64]:
        """Return (N,): the track of each new note: of its program, and nearest in pitch."""
        known = self.original if len(self.original) else self.piece.notes
        if self.tracks is not None:
            mine = known[np.isin(known["track"], self.tracks)]
            known = mine if len(mine) else known
        tracks = new["track"].astype(np.int64)
        spare = int(self.piece.notes["track"].max(initial=0)) + 1
        if self.own_track:
            tracks[:] = spare
            return tracks
        for program in set(new["program"].tolist()):
            mine = new["program"] == program
            here = known[known["program"] == program]
            if not len(here):
                tracks[mine] = spare
                continue
            names = np.unique(here["track"])
            middles = [np.median(here["pitch"][here["track"] == track]) for track in names]
            far = np.abs(new["pitch"][mine][:, None].astype(float) - np.array(middles))
            tracks[mine] = names[far.argmin(axis=1)]
        return tracks


def _ends(notes: Table) -> NDArray[np.int64]:
    return np.asarray(notes["start"].astype(np.int64) + notes["duration"])


def _apart(new: Table, kept: Piece) -> Table:
    """Return new notes that end where a kept note of their key begins, without those on a kept one.

    A key is a pitch of a program on a track.
    """
    stays, new = np.ones(len(new), bool), new.copy()
    keys = ("pitch", "program", "track")
    for i, note in enumerate(new):
        same = np.ones(len(kept), bool)
        for key in keys:
            same &= kept.notes[key] == note[key]
        starts, ends, start = kept.notes["start"][same], kept.ends[same], int(note["start"])
        if ((starts <= start) & (ends > start)).any():
            stays[i] = False
            continue
        later = starts[starts > start]
        end = min(start + int(note["duration"]), int(later.min(initial=MAX_TICK)))
        new["duration"][i] = end - start
    return new[stays]


def _span(
    piece: Piece, *, bars: tuple[int, int] | None, beats: Span | None, seconds: Span | None
) -> tuple[int, int]:
    """Return the first tick of a region and the tick after it."""
    given = {"bars": bars, "beats": beats, "seconds": seconds}
    named = {unit: span for unit, span in given.items() if span is not None}
    if len(named) != 1:
        raise ArgumentError(
            "a region is by bars, by beats or by seconds; give one of them, such as bars=(8, 12)"
        )
    [(unit, span)] = named.items()
    low, high = _two(unit, span)
    if unit == "bars":
        first, last = whole("bars", low, 1), whole("bars", high, 1)
        if last < first:
            raise ArgumentError(f"bars {first}-{last}: the last bar comes before the first")
        begin, stop = tick_of_bar(piece, first), tick_of_bar(piece, last + 1)
    else:
        if not 0 <= low < high:
            raise ArgumentError(f"{unit} {low:g}-{high:g}: the region must end after it begins")
        place = piece.seconds if unit == "seconds" else None
        if place is None:
            begin, stop = (round(beat * piece.ticks_per_beat) for beat in (low, high))
        else:
            begin, stop = (int(piece.ticks(second)) for second in (low, high))
    if stop <= begin:
        raise ArgumentError(f"{unit} {low:g}-{high:g}: the region is shorter than a tick")
    if begin > piece.end:
        long = f"{piece.beats_long:.1f} beats, {piece.seconds_long:.1f} s"
        raise ArgumentError(
            f"{unit} {low:g}-{high:g} lie after the end of {piece.name or 'the piece'} ({long})"
        )
    return begin, stop


def _two(unit: str, span: Any) -> tuple[float, float]:  # noqa: ANN401 - whatever people write
    try:
        low, high = span
        float(low), float(high)
        return low, high
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{unit} is {span!r}; two numbers are needed, such as {unit}=(8, 12)"
        ) from None


def _tracks(piece: Piece, tracks: object) -> tuple[int, ...]:
    """Return the numbers of tracks; ArgumentError for one that the piece does not have."""
    several = tracks if isinstance(tracks, Iterable) and not isinstance(tracks, str) else [tracks]
    numbers = [whole("tracks", track, 0) for track in several]
    there = sorted(set(piece.notes["track"].tolist()))
    for number in numbers:
        if number not in there:
            raise ArgumentError(
                f"track {number} has no notes in {piece.name or 'the piece'}; those with notes are "
                f"{', '.join(map(str, there)) or 'none'}"
            )
    return tuple(dict.fromkeys(numbers))


def _kept(piece: Piece, keep: Keep) -> NDArray[np.bool_]:
    """Return (N,): which notes are kept."""
    given = np.asarray(keep(piece.notes) if callable(keep) else keep)
    if given.dtype == bool:
        if given.shape != (len(piece),):
            raise HowlkitError(
                f"keep has {given.size} truth values for {len(piece)} notes; one each is needed"
            )
        return given
    kept = np.zeros(len(piece), bool)
    if given.size:
        if given.dtype.kind not in "iu" or (given < 0).any() or (given >= len(piece)).any():
            raise ArgumentError(
                f"keep names notes 0..{len(piece) - 1} by their numbers in piece.notes"
            )
        kept[given] = True
    return kept

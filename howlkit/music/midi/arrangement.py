"""What is written of a Piece: which notes, on which channels, and what else is sent there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import MidiError
from howlkit.music.extras import CONTROL, NO_TRACK, Extras, Text
from howlkit.music.midi.allocation import (
    DRUM_CHANNEL,
    count_misplaced,
    shared_channels,
    simple_channels,
)
from howlkit.music.midi.controls import PROGRAM, Control, Voice, own_channel, shared_channel
from howlkit.music.midi.strokes import separate
from howlkit.music.piece import Piece
from howlkit.music.tables import PEDAL, Table

__all__ = ["MOST_CHUNKS", "Arrangement", "Written", "arrange", "as_written"]

MOST_CHUNKS = 65534
"""The most (track, program) pairs that fit a file, beside the first chunk."""

Integers = NDArray[np.int64]
Pedal = tuple[int, int]  # the ticks at which it goes down and comes up


@dataclass(frozen=True)
class Written:
    """What a MIDI file could not say of a piece, in notes.

    cut: end where their key is struck again on their channel. joined: left out, since another note
    strikes the key at that tick. misplaced: sound on a channel that plays another program too,
    since more than 15 sound at once.

    >>> Written(cut=2).describe()
    '2 notes end early, where their key is struck again'
    """

    cut: int = 0
    joined: int = 0
    misplaced: int = 0

    def describe(self) -> str:
        """Return what happened, in words; empty if nothing did."""
        says = (
            (self.cut, "end{s} early, where {its} key is struck again"),
            (self.joined, "{is} left out, since {its} key is struck twice at once"),
            (
                self.misplaced,
                "{is} on a channel with another instrument, since MIDI has 15 for all but drums",
            ),
        )
        return "; ".join(_counted(count, what) for count, what in says if count)

    def __add__(self, other: Written) -> Written:
        return Written(
            self.cut + other.cut, self.joined + other.joined, self.misplaced + other.misplaced
        )


def _counted(count: int, what: str) -> str:
    one = count == 1
    words = {
        "s": "s" if one else "",
        "its": "its" if one else "their",
        "is": "is" if one else "are",
    }
    return f"{count:,} note{'' if one else 's'} " + what.format(**words)


@dataclass(frozen=True)
class Arrangement:
    """A piece as the chunks and channels of a MIDI file.

    notes: (N,) as they are written, by chunk and then by start. chunks, channels: (N,) of each
    note; chunks count from 1, since the first one of the file, 0, has no notes.
    """

    piece: Piece
    notes: Table
    chunks: Integers
    channels: Integers
    written: Written

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """The pairs of chunk and channel that have notes, in order: a reader's tracks."""
        codes = np.unique(self.chunks << 4 | self.channels)
        return [(code >> 4, code & 15) for code in codes.tolist()]

    @cached_property
    def sources(self) -> dict[int, tuple[int, int]]:
        """The track and the program of each chunk."""
        first = np.flatnonzero(np.diff(self.chunks, prepend=0))
        rows = self.notes[first]
        columns = (self.chunks[first], rows["track"], rows["program"])
        return {
            chunk: (track, program)
            for chunk, track, program in zip(*(c.tolist() for c in columns), strict=True)
        }

    @cached_property
    def voices(self) -> dict[int, list[int]]:
        """The chunks that have notes on each channel."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for chunk, channel in self.places:
            found[channel].append(chunk)
        return dict(found)

    @cached_property
    def split(self) -> set[int]:
        """The chunks with notes on several channels."""
        chunks = [chunk for chunk, _ in self.places]
        return {chunk for chunk, after in zip(chunks, chunks[1:], strict=False) if chunk == after}

    def is_own(self, channel: int) -> bool:
        """Return whether a channel belongs to one chunk, which has no other channel."""
        chunks = self.voices[channel]
        return len(chunks) == 1 and chunks[0] not in self.split

    @cached_property
    def pedals(self) -> dict[int, list[Pedal]]:
        """The pedal of each channel, by tick: spans that overlap are joined, empty ones dropped.

        On a channel that chunks share, the pedal is down only while what it holds sounds.
        """
        table = self.piece.pedals[self.piece.pedals["duration"] > 0]
        if not len(table):
            return {}
        begins = table["start"].astype(np.int64)
        ends, found = begins + table["duration"], {}
        for channel, chunks in self.voices.items():
            spans: list[tuple[Integers, Integers]] = []
            for chunk in chunks:
                here = table["track"] == self.sources[chunk][0]
                part = begins[here], ends[here]
                if not self.is_own(channel) and channel != DRUM_CHANNEL:
                    part = _within(*part, *self._sounding(chunk, channel))
                spans.append(part)
            starts, stops = (np.concatenate(column) for column in zip(*spans, strict=True))
            if len(starts):
                found[channel] = _joined(starts, stops)
        return found

    def _sounding(self, chunk: int, channel: int) -> tuple[Integers, Integers]:
        """Return the begins and ends of the runs of a chunk on a channel, with the pedal."""
        here = (self.chunks == chunk) & (self.channels == channel)
        notes = self.piece.replace(notes=self.notes[here], context=0)
        starts, until = notes.notes["start"].astype(np.int64), np.maximum.accumulate(notes.held)
        first = np.append(True, starts[1:] > until[:-1])
        return starts[first], until[np.append(first[1:], True)]

    @cached_property
    def controls(self) -> dict[int, list[Control]]:
        """The messages of each channel beside notes and pedals, in order."""
        tracks = self.piece.extras.controls["track"]
        found = {}
        for channel, chunks in self.voices.items():
            voices = []
            for chunk in chunks:
                track, program = self.sources[chunk]
                voices.append(Voice(chunk, program, self.piece.extras.controls[tracks == track]))
            if self.is_own(channel):
                found[channel] = own_channel(voices[0], self._spans(channel, voices[0]))
            else:
                found[channel] = shared_channel(voices, self._strokes(channel))
        return found

    def _spans(self, channel: int, voice: Voice) -> list[tuple[int, int]]:
        """Return the spans of the notes and pedals of a channel, if a controller needs them."""
        if not (voice.controls["number"] >= 120).any():
            return []
        notes = self.notes[self.channels == channel]
        starts = notes["start"].astype(np.int64)
        ends = starts + notes["duration"]
        return [
            *zip(starts.tolist(), ends.tolist(), strict=True),
            *self.pedals.get(channel, []),
        ]

    def _strokes(self, channel: int) -> Iterator[tuple[int, int]]:
        here = self.channels == channel
        starts, chunks = self.notes["start"][here], self.chunks[here]
        order = np.lexsort((chunks, starts))
        return zip(starts[order].tolist(), chunks[order].tolist(), strict=True)

    @cached_property
    def texts(self) -> list[tuple[int, Text]]:
        """The chunk of each text, and the text: 0 for those of a track without notes."""
        chunk_of = {track: chunk for chunk, (track, _) in reversed(self.sources.items())}
        return [(chunk_of.get(text.track, 0), text) for text in self.piece.extras.texts]


def arrange(piece: Piece) -> Arrangement:
    """Return what is written of a piece, by the rules of this package.

    Raises MidiError if it has more than `MOST_CHUNKS` pairs of track and program.
    """
    key = piece.notes["track"].astype(np.int64) << 8 | piece.notes["program"]
    order = np.argsort(key, kind="stable")
    key, notes = key.take(order), piece.notes.take(order)
    new = np.append(True, key[1:] != key[:-1])[: len(key)]
    chunks = new.cumsum() - 1
    if np.count_nonzero(new) > MOST_CHUNKS:
        raise MidiError(f"{chunks[-1] + 1} tracks do not fit a MIDI file; {MOST_CHUNKS} do")
    of_chunk = simple_channels(notes["program"].compress(new))
    if of_chunk is not None:
        channels = of_chunk.take(chunks)
    else:
        busy = np.concatenate((piece.pedals["track"], piece.extras.controls["track"]))
        plain = ~np.isin(notes["track"][new], busy)
        channels = shared_channels(chunks, notes, piece.held.take(order), plain)
    stays, written, cut = separate(chunks, channels, notes)
    misplaced = 0
    if of_chunk is None:
        misplaced = count_misplaced(channels[stays], written, piece.held[order[stays]])
    if len(stays) < len(notes):  # a chunk without a note left is not written
        chunks, channels = chunks.take(stays), channels.take(stays)
        chunks = (np.diff(chunks, prepend=-1) > 0).cumsum() - 1
    told = Written(cut, len(notes) - len(stays), misplaced)
    return Arrangement(piece, written, chunks + 1, channels, told)


def as_written(piece: Piece) -> Piece:
    """Return a piece as every reader finds it in the file that is written of it.

    Each chunk's notes on a channel are a track. What is said on a channel counts for all its
    tracks. A channel has one pedal, and no two notes of a key on it overlap.

    >>> as_written(Piece.of([(0, 100, 60), (20, 30, 60)])).notes["duration"].tolist()
    [20, 30]
    """
    plan = arrange(piece)
    track_of = {place: track for track, place in enumerate(plan.places)}
    codes = plan.chunks << 4 | plan.channels
    notes = plan.notes.copy()
    notes["track"] = np.unique(codes, return_inverse=True)[1]
    pedals, controls = [], []
    for (_, channel), track in track_of.items():
        pedals += [(down, up - down, track) for down, up in plan.pedals.get(channel, [])]
        controls += [
            (control.tick, track, control.number, control.value)
            for control in plan.controls[channel]
            if control.number != PROGRAM
        ]
    # A chunk on several channels is several tracks, and does not say whose its texts are.
    of_chunk = {chunk: track for (chunk, _), track in track_of.items() if chunk not in plan.split}
    texts = [text._replace(track=of_chunk.get(chunk, NO_TRACK)) for chunk, text in plan.texts]
    return Piece(
        notes,
        ticks_per_beat=piece.ticks_per_beat,
        tempos=piece.tempos,
        time_signatures=piece.time_signatures,
        key_signatures=piece.key_signatures,
        pedals=np.array(sorted(pedals, key=lambda row: (row[0], row[2])), PEDAL),
        name=piece.name,
        extras=Extras(np.array(controls, CONTROL), tuple(texts)),
    )


def _within(
    begins: Integers, ends: Integers, starts: Integers, stops: Integers
) -> tuple[Integers, Integers]:
    """Return the parts of spans (begins, ends) within the runs (starts, stops), by tick."""
    order = begins.argsort(kind="stable")
    begins, ends = begins[order], np.maximum.accumulate(ends[order]) if len(ends) else ends
    first = stops.searchsorted(begins, side="right")
    found = []
    for begin, end, run in zip(begins.tolist(), ends.tolist(), first.tolist(), strict=True):
        while run < len(starts) and starts[run] < end:
            found.append((max(begin, int(starts[run])), min(end, int(stops[run]))))
            run += 1
    rows = np.array(found, np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _joined(begins: Integers, ends: Integers) -> list[Pedal]:
    """Return spans by tick, those that overlap as one; those that touch stay apart."""
    order = begins.argsort(kind="stable")
    begins, ends = begins[order], np.maximum.accumulate(ends[order])
    apart = begins[1:] >= ends[:-1]
    starts, stops = begins[np.append(True, apart)], ends[np.append(apart, True)]
    return list(zip(starts.tolist(), stops.tolist(), strict=True))

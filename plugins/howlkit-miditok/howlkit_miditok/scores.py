"""Converts a Piece to a symusic Score, which MidiTok reads, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from symusic import KeySignature, Note, Pedal, Score, Tempo, TimeSignature, Track

from howlkit.music import (
    DRUMS,
    KEY_SIGNATURE,
    MAX_TICK,
    NOTE,
    PEDAL,
    TEMPO,
    TIME_SIGNATURE,
    Piece,
    last_at_each_tick,
)
from howlkit_miditok.order import Metres

__all__ = ["MOST_BEATS", "Frame", "edges", "metres_of", "to_piece", "to_score"]

MOST_BEATS = 1 << 14
"""Later notes are left out: each bar before a note is a token, so a late note has too many."""

MOST_TICKS_PER_BEAT = 32_767

COMMON = np.array(
    (4, 4),
    [("numerator", TIME_SIGNATURE["numerator"]), ("denominator", TIME_SIGNATURE["denominator"])],
)
"""The metre of a piece without time signatures."""

Column = NDArray[np.int64]


def to_score(piece: Piece, *, programs: bool, pedals: bool) -> Any:  # noqa: ANN401 - a ScoreTick
    """Return a piece as a score, a track for each program.

    programs: False for one piano with all notes but drums. pedals: whether the score has pedals.
    """
    score: Any = Score(piece.ticks_per_beat)
    last = MOST_BEATS * piece.ticks_per_beat
    notes = piece.notes.compress(piece.notes["start"] <= last)
    if not programs:
        notes = notes.compress(notes["program"] != DRUMS)
    kinds = notes["program"] if programs else np.zeros(len(notes), np.uint8)
    for kind in np.unique(kinds).tolist():
        own = notes.compress(kinds == kind)
        track: Any = Track("", 0 if kind == DRUMS else kind, kind == DRUMS)
        track.notes = Note.from_numpy(
            time=own["start"].astype(np.int32),
            duration=np.minimum(own["duration"], last).astype(np.int32),
            pitch=own["pitch"].astype(np.int8),
            velocity=own["velocity"].astype(np.int8),
        )
        if pedals and kind != DRUMS:
            track.pedals = _pedals(piece, np.unique(own["track"]), last)
        score.tracks.append(track)
    _add_maps(score, piece, last)
    return score


def _pedals(piece: Piece, tracks: NDArray[Any], last: int) -> Any:  # noqa: ANN401
    spans = piece.pedals.compress(np.isin(piece.pedals["track"], tracks))
    spans = spans.compress(spans["start"] <= last)
    return Pedal.from_numpy(
        time=spans["start"].astype(np.int32),
        duration=np.minimum(spans["duration"], last).astype(np.int32),
    )


def _add_maps(score: Any, piece: Piece, last: int) -> None:  # noqa: ANN401
    def until_last(table: NDArray[Any]) -> NDArray[Any]:
        return table.compress(table["tick"] <= last)

    tempos = until_last(piece.tempos)
    if not len(tempos):
        tempos = np.array([(0, 500_000)], TEMPO)
    score.tempos = Tempo.from_numpy(
        time=tempos["tick"].astype(np.int32), mspq=tempos["microseconds"].astype(np.int32)
    )
    metres = until_last(piece.time_signatures)
    score.time_signatures = TimeSignature.from_numpy(
        time=metres["tick"].astype(np.int32),
        numerator=metres["numerator"].astype(np.uint8),
        denominator=metres["denominator"].astype(np.uint8),
    )
    keys = until_last(piece.key_signatures)
    score.key_signatures = KeySignature.from_numpy(
        time=keys["tick"].astype(np.int32),
        key=keys["sharps"].astype(np.int8),
        tonality=keys["minor"].astype(np.int8),
    )


def edges(tokenizer: Any, piece: Piece) -> tuple[float, float]:  # noqa: ANN401
    """Return the start and the end of an excerpt, in ticks of the preprocessed score.

    MidiTok rounds them as it rounds onsets: it is given two notes that begin there.
    """
    last = MOST_BEATS * piece.ticks_per_beat
    since, until = min(piece.since, last), piece.until
    table = np.zeros(2, NOTE)
    table["start"] = since, min(until, last)
    table["duration"], table["velocity"], table["pitch"] = 1, 64, (60, 61)
    marks = Piece(
        table,
        piece.ticks_per_beat,
        tempos=piece.tempos,
        time_signatures=piece.time_signatures,
    )
    score = tokenizer.preprocess_score(to_score(marks, programs=True, pedals=False))
    times = score.tracks[0].notes.numpy()["time"]
    return float(times[0]), math.inf if until > last else float(times[1])


def metres_of(tokenizer: Any, piece: Piece, division: int) -> Metres:  # noqa: ANN401 - a MusicTokenizer
    """Return the metres of a piece as MidiTok would write them; () if the piece has none.

    division: ticks a beat of the result. MidiTok's scores may have fewer.
    """
    if not len(piece.time_signatures) or not tokenizer.config.use_time_signatures:
        return ()
    table = np.zeros(1, NOTE)  # MidiTok drops metres of a score without notes
    table["start"] = piece.time_signatures["tick"][-1]
    table["duration"], table["velocity"] = 1, 64
    marks = Piece(table, piece.ticks_per_beat, time_signatures=piece.time_signatures)
    score = tokenizer.preprocess_score(to_score(marks, programs=True, pedals=False))
    factor = division // score.ticks_per_quarter
    return tuple(
        (at.time * factor, f"{at.numerator}/{at.denominator}") for at in score.time_signatures
    )


@dataclass(frozen=True)
class Frame:
    """A piece without notes, at a resolution that is exact for MidiTok's positions.

    factor: the piece's ticks in a tick of MidiTok's.
    """

    empty: Piece
    factor: int

    @classmethod
    def of(cls, like: Piece | None, division: int, last: int) -> Frame:
        """Return the frame for MidiTok's ticks, `division` to a beat, up to tick `last`."""
        empty = Piece() if like is None else like.without_notes()
        wanted = max(1, math.lcm(empty.ticks_per_beat, division) // division)
        if wanted * division > MOST_TICKS_PER_BEAT:
            wanted = math.ceil(empty.ticks_per_beat / division)
        most = min(MOST_TICKS_PER_BEAT // division, MAX_TICK // (last + 1))
        end = int(empty.tempos["tick"].max(initial=0)) / empty.ticks_per_beat
        most = min(most, int(MAX_TICK / (end + 1) / division))
        factor = max(1, min(wanted, most))
        return cls(empty.at_resolution(factor * division), factor)

    def ticks(self, positions: Column) -> Column:
        """Return MidiTok's ticks as ticks of the piece."""
        return np.minimum(positions * self.factor, MAX_TICK - 1)


def to_piece(score: Any, frame: Frame, *, shortest: int, maps: bool) -> Piece:  # noqa: ANN401
    """Return a score of MidiTok's as a Piece.

    shortest: the duration, in MidiTok's ticks, of a note that ends where it begins. maps: whether
    to take tempi, metres and keys from the score; else the frame has them, but a frame without
    metres takes those of the score.
    """
    tables, pedals = [np.zeros(0, NOTE)], [np.zeros(0, PEDAL)]
    programs = [DRUMS if track.is_drum else track.program for track in score.tracks]
    numbers = {program: number for number, program in enumerate(sorted(set(programs)))}
    for track, program in zip(score.tracks, programs, strict=True):  # MMM has several of one
        number = numbers[program]
        columns = track.notes.numpy()
        notes = np.zeros(len(track.notes), NOTE)
        _spans(notes, columns, frame, shortest)
        notes["pitch"] = columns["pitch"]
        notes["velocity"] = np.clip(columns["velocity"], 1, 127)
        notes["program"] = program
        notes["track"] = number
        tables.append(notes)
        held = np.zeros(len(track.pedals), PEDAL)
        _spans(held, track.pedals.numpy(), frame, 1)
        held["track"] = number
        pedals.append(held)
    piece = frame.empty.replace(notes=np.concatenate(tables), pedals=np.concatenate(pedals))
    found = _maps(score, frame)
    if maps:
        return piece.replace(**found)
    metres = found["time_signatures"]
    told = len(metres) > 1 or (metres[["numerator", "denominator"]] != COMMON).any()
    if told and not len(piece.time_signatures):
        return piece.replace(time_signatures=metres)
    return piece


def _spans(table: NDArray[Any], columns: Any, frame: Frame, shortest: int) -> None:  # noqa: ANN401
    start = np.maximum(columns["time"].astype(np.int64), 0)  # PerTok may begin before tick 0
    duration = columns["duration"].astype(np.int64)
    end = frame.ticks(start + np.where(duration > 0, duration, shortest))
    table["start"] = frame.ticks(start)
    table["duration"] = np.maximum(end - table["start"], 1)


def _maps(score: Any, frame: Frame) -> dict[str, NDArray[Any]]:  # noqa: ANN401
    def table(dtype: np.dtype[Any], changes: Any, **columns: str) -> NDArray[Any]:  # noqa: ANN401
        given = changes.numpy()
        made = np.zeros(len(changes), dtype)
        made["tick"] = frame.ticks(np.maximum(given["time"].astype(np.int64), 0))
        for name, of in columns.items():
            made[name] = given[of]
        return last_at_each_tick(made[np.argsort(made["tick"], kind="stable")])

    signature = {"numerator": "numerator", "denominator": "denominator"}
    key = {"sharps": "key", "minor": "tonality"}
    return {
        "tempos": table(TEMPO, score.tempos, microseconds="mspq"),
        "time_signatures": table(TIME_SIGNATURE, score.time_signatures, **signature),
        "key_signatures": table(KEY_SIGNATURE, score.key_signatures, **key),
    }

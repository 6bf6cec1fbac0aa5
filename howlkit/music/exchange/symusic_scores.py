"""Pieces to and from symusic's Score, table by table: no file is written or read."""

from __future__ import annotations

from typing import Any

import numpy as np

from howlkit.errors import PieceError
from howlkit.music.extras import (
    BEND,
    BEND_CENTRE,
    CONTROL,
    SUSTAIN,
    TRACK_NAME,
    Extras,
    Text,
)
from howlkit.music.piece_tables import PieceTables
from howlkit.music.tables import (
    DRUMS,
    KEY_SIGNATURE,
    NOTE,
    PEDAL,
    TEMPO,
    TIME_SIGNATURE,
    Table,
    last_at_each_tick,
)

__all__ = ["score_of", "tables_of"]

_DOWN = 64  # from this value on, the controller says that the pedal is down


def score_of(piece: PieceTables) -> Any:  # noqa: ANN401 - symusic.Score, imported late
    """Return a Score in ticks with a track for each track and program, in that order."""
    import symusic

    score: Any = symusic.Score(piece.ticks_per_beat)
    for tick, microseconds in piece.tempos.tolist():
        score.tempos.append(symusic.Tempo(tick, mspq=microseconds))
    for row in piece.time_signatures.tolist():
        score.time_signatures.append(symusic.TimeSignature(*row))
    for row in piece.key_signatures.tolist():
        score.key_signatures.append(symusic.KeySignature(*row))
    names = {t.track: _name(t) for t in piece.extras.texts if t.kind == TRACK_NAME}
    pairs = sorted({(int(n["track"]), int(n["program"])) for n in piece.notes})
    begun: set[int] = set()
    for number, program in pairs:
        drums = program == DRUMS
        track: Any = symusic.Track(names.get(number, ""), 0 if drums else program, drums)
        notes = piece.notes
        notes = notes[(notes["track"] == number) & (notes["program"] == program)]
        track.notes = symusic.Note.from_numpy(
            notes["start"].astype(np.int32),
            notes["duration"].astype(np.int32),
            notes["pitch"].astype(np.int8),
            notes["velocity"].astype(np.int8),
        )
        # A pedal holds all programs of its track; controllers are set once.
        for start, duration, of in piece.pedals.tolist():
            if of == number:
                track.pedals.append(symusic.Pedal(start, duration))
        if number not in begun:
            _add_controls(track, piece.extras.controls, number)
            begun.add(number)
        score.tracks.append(track)
    return score


def _add_controls(track: Any, controls: Table, number: int) -> None:  # noqa: ANN401 - symusic's
    import symusic

    for tick, of, control, value in controls.tolist():
        if of == number and control == BEND:
            track.pitch_bends.append(symusic.PitchBend(tick, value - BEND_CENTRE))
        elif of == number and control < BEND:
            track.controls.append(symusic.ControlChange(tick, control, value))


def tables_of(score: Any) -> dict[str, Any]:  # noqa: ANN401 - what users give
    """Return the tables of a Score as the arguments of a Piece.

    Raises PieceError if it is no Score.
    """
    if not all(hasattr(score, name) for name in ("ticks_per_quarter", "tracks", "tempos")):
        raise PieceError(f"from_symusic takes a symusic.Score; got {type(score).__name__}")
    if not type(score).__name__.endswith("Tick"):
        score = score.to("tick")
    notes: list[Table] = []
    pedals: list[tuple[int, ...]] = []
    controls: list[tuple[int, ...]] = []
    texts: list[Text] = []
    for number, track in enumerate(score.tracks):
        notes.append(_notes(track, number))
        pedals += [(start, duration, number) for start, duration in _pedals(track)]
        controls += [
            (c.time, number, c.number, c.value) for c in track.controls if c.number != SUSTAIN
        ]
        controls += [(b.time, number, BEND, b.value + BEND_CENTRE) for b in track.pitch_bends]
        if track.name:
            texts.append(Text(0, number, TRACK_NAME, track.name.encode("utf-8", "surrogateescape")))
    metres = [(m.time, m.numerator, m.denominator) for m in score.time_signatures]
    return {
        "notes": np.concatenate(notes) if notes else np.empty(0, NOTE),
        "ticks_per_beat": score.ticks_per_quarter,
        "tempos": _map([(t.time, t.mspq) for t in score.tempos], TEMPO),
        "time_signatures": _map(metres, TIME_SIGNATURE),
        "key_signatures": _map(
            [(k.time, k.key, k.tonality) for k in score.key_signatures], KEY_SIGNATURE
        ),
        "pedals": np.array(pedals, PEDAL),
        "extras": Extras(np.array(controls, CONTROL), tuple(texts)),
    }


def _notes(track: Any, number: int) -> Table:  # noqa: ANN401 - symusic's
    columns = track.notes.numpy()
    notes = np.zeros(len(track.notes), NOTE)
    notes["start"], notes["pitch"] = columns["time"], columns["pitch"]
    notes["duration"] = np.maximum(columns["duration"], 1)
    notes["velocity"] = np.maximum(columns["velocity"], 1)
    notes["program"], notes["track"] = (DRUMS if track.is_drum else track.program), number
    return notes


def _pedals(track: Any) -> list[tuple[int, int]]:  # noqa: ANN401 - symusic's
    """Return (start, duration) of each pedal of a track.

    Where the controller is there it counts, since the pedals that symusic 0.6.0 finds in a file may
    begin at the pedal before. One that is never lifted ends with the track.
    """
    values = [(c.time, c.value >= _DOWN) for c in track.controls if c.number == SUSTAIN]
    if not values:
        return [(pedal.time, pedal.duration) for pedal in track.pedals]
    spans: list[tuple[int, int]] = []
    since: int | None = None
    for tick, down in [*sorted(values, key=lambda value: value[0]), (track.end(), False)]:
        if down and since is None:
            since = tick
        elif not down and since is not None:
            spans.append((since, max(tick - since, 0)))
            since = None
    return spans


def _map(rows: list[tuple[Any, ...]], dtype: np.dtype[Any]) -> Table:
    """Return a map of time by rising tick; of several rows at one tick the last."""
    table = np.array(rows, dtype)
    return last_at_each_tick(table[np.argsort(table["tick"], kind="stable")])


def _name(text: Text) -> str:
    return text.data.decode("utf-8", "replace")

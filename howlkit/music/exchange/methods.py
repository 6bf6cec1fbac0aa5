"""The methods of a Piece that exchange it with other libraries, which are imported late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from howlkit.music.exchange import note_arrays, pretty_midi_objects, symusic_scores
from howlkit.music.piece_tables import PieceTables
from howlkit.music.tables import Table

__all__ = ["Exchange"]

P = TypeVar("P", bound=PieceTables)


class Exchange:
    """The methods of a Piece that other libraries' values go in and out by."""

    def note_array(self: PieceTables) -> Table:
        """Return the notes as partitura's note arrays have them, in the order of the piece.

        A structured array with onset_sec, duration_sec, onset_beat, duration_beat (a beat is a
        quarter note whatever the metre), onset_tick, duration_tick, pitch, velocity, track, channel
        (9 for drums, else 0), program (0..127, or 128 for drums) and id ("n0", "n1" ...).

        >>> from howlkit import Piece
        >>> piece = Piece.of([(0, 480, 60), (480, 240, 64)], bpm=60)
        >>> piece.note_array()[["onset_sec", "duration_beat", "pitch"]].tolist()
        [(0.0, 1.0, 60), (1.0, 0.5, 64)]
        """
        return note_arrays.note_array(self)

    @classmethod
    def from_note_array(
        cls: type[P],
        array: Table,
        *,
        bpm: float = 120.0,
        ticks_per_beat: int = 480,
        name: str = "",
        like: P | None = None,
    ) -> P:
        """Return the piece of a note array, such as partitura's or `note_array`'s.

        Of its columns it takes pitch and, of onset and duration, the first unit that is there of
        beat, quarter, sec and tick; velocity (else 80), track (else 0) and program (else 0, or
        drums on channel 9) if they are there. If the first onset is before 0, as an upbeat may be,
        all notes are moved so that it is 0. bpm, ticks_per_beat: of the new piece. like: a piece
        that lends tempo map, metres and resolution instead. Raises PieceError if a column is
        missing or a note is not allowed.

        >>> from howlkit import Piece
        >>> piece = Piece.of([(0, 480, 60), (480, 240, 64)], bpm=90)
        >>> Piece.from_note_array(piece.note_array(), bpm=90) == piece
        True
        """
        base = cls.of([], bpm=bpm, ticks_per_beat=ticks_per_beat, name=name)
        if like is not None:
            base = like.without_notes()
        return base.replace(notes=note_arrays.notes_of(array, base), name=name or base.name)

    def to_symusic(self: PieceTables) -> Any:  # noqa: ANN401 - symusic.Score, imported late
        """Return the piece as a symusic Score in ticks, a track for each track and program.

        Notes, tempos, metres, keys, pedals, controllers, pitch bends and names of tracks come
        along.

        >>> from howlkit import Piece
        >>> Piece.of([(0, 480, 60)]).to_symusic().note_num()
        1
        """
        return symusic_scores.score_of(self)

    @classmethod
    def from_symusic(cls, score: Any, *, name: str = "") -> Self:  # noqa: ANN401 - symusic.Score
        """Return the piece of a symusic Score; its tracks are numbered in their order.

        A velocity or a length of 0 becomes 1. Raises PieceError if it is no Score, or if a value is
        not allowed.

        >>> from howlkit import Piece
        >>> piece = Piece.of([(0, 480, 60), (480, 240, 64)])
        >>> Piece.from_symusic(piece.to_symusic()) == piece
        True
        """
        return cast(Callable[..., Self], cls)(**symusic_scores.tables_of(score), name=name)

    def to_pretty_midi(self: PieceTables) -> Any:  # noqa: ANN401 - PrettyMIDI, imported late
        """Return the piece as a pretty_midi.PrettyMIDI, an instrument for each track and program.

        Raises PluginError if pretty_midi is not installed.
        """
        return pretty_midi_objects.object_of(self)

    @classmethod
    def from_pretty_midi(cls, music: Any, *, name: str = "") -> Self:  # noqa: ANN401 - PrettyMIDI
        """Return the piece of a pretty_midi.PrettyMIDI; onsets go to its nearest ticks.

        Raises PieceError if it is no PrettyMIDI, or if a value is not allowed.
        """
        return cast(Callable[..., Self], cls)(**pretty_midi_objects.tables_of(music), name=name)

"""Onsets moved one by one stay in their excerpt."""

import numpy as np
import pytest

from howlkit.errors import PieceError
from howlkit.music import MAX_TICK, Piece, moved
from howlkit.testing.pieces import performance, scatter


def own(piece):
    """Return the number of notes that are steps of an excerpt: from since to before until."""
    start = piece.notes["start"]
    return int(((start >= piece.since) & (start < piece.until)).sum())


@pytest.mark.parametrize("whole", [performance(1), scatter(2)], ids=lambda piece: piece.name)
@pytest.mark.parametrize("spread", [1, 10, 3000])
def test_an_excerpt_keeps_its_notes_and_its_context(whole, spread):
    rng = np.random.default_rng(0)
    jittered = 0
    for first in range(0, 110, 3):
        piece = whole.excerpt(first, first + 10)
        made = moved(piece, piece.notes["start"] + rng.normal(0, spread, len(piece)))
        jittered += made != piece
        assert np.array_equal(made.notes[: made.context], piece.notes[: piece.context])
        assert len(made) == len(piece) and own(made) == own(piece)
        assert made.since >= piece.since and made.until == piece.until
        assert sorted(made.notes["duration"]) == sorted(piece.notes["duration"])
    assert jittered > 30


def test_notes_move_to_the_nearest_tick_and_keep_the_rest():
    piece = Piece.of([(100, 10, 60), (200, 20, 64, 90)])
    made = moved(piece, [149.6, 30])
    assert made.notes["start"].tolist() == [30, 150]
    assert made.notes["pitch"].tolist() == [64, 60]
    assert made.notes[["duration", "velocity"]].tolist() == [(20, 90), (10, 80)]


def test_a_whole_piece_begins_at_tick_0_and_ends_at_the_last():
    piece = Piece.of([(100, 10, 60), (200, 20, 64)])
    made = moved(piece, [-5, 1e12])
    assert made.notes[["start", "duration"]].tolist() == [(0, 10), (MAX_TICK - 1, 1)]


def test_a_chord_that_an_edge_divides_stays():
    chords = Piece.of([(480 * beat, 480, pitch) for beat in range(4) for pitch in (60, 64, 67)])
    piece = chords.excerpt(4, 11)  # two notes of the second chord, two of the last
    late = moved(piece, piece.notes["start"] + 100)
    assert late.notes["start"].tolist() == [*[0] * 3, *[480] * 3, *[1060] * 3, *[1440] * 2]
    assert late.since == 480 and own(late) == own(piece) == 6


@pytest.mark.parametrize("onsets", [[1], [1, 2, 3], [[1, 2]], [1, np.nan], [1, np.inf]])
def test_other_onsets_are_refused(onsets):
    with pytest.raises(PieceError, match="onsets must be 2 finite ticks"):
        moved(Piece.of([(0, 1, 60), (5, 1, 60)]), onsets)

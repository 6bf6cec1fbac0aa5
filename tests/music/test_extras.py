"""Controllers and texts stay with a Piece, whatever is done to it."""

import numpy as np
import pytest

from howlkit.dataset.records import Record
from howlkit.errors import PieceError
from howlkit.music import BEND, CONTROL, MAX_TICK, PRESSURE, Extras, Piece, Text

NAME = Text(0, 0, 3, b"viola")


def controls(*rows):
    return np.array(list(rows), CONTROL)


def piece_with_extras():
    rows = controls((0, 0, 7, 90), (960, 0, BEND, 16383), (960, 0, 7, 10), (2000, 1, PRESSURE, 5))
    texts = (NAME, Text(960, 0, 5, b"la"), Text(2000, -1, 6, b"coda"))
    notes = [(0, 480, 60), (960, 480, 62), (1440, 480, 64, 80, 1, 1)]
    return Piece.of(notes).replace(extras=Extras(rows, texts))


def test_extras_are_sorted_by_tick_and_keep_their_order_at_one_tick():
    extras = Extras(
        controls((5, 0, 7, 1), (0, 0, 0, 2), (5, 0, 7, 0)),
        (Text(5, 0, 1, b"b"), Text(5, 0, 1, b"a"), NAME),
    )
    assert extras.controls.tolist() == [(0, 0, 0, 2), (5, 0, 7, 1), (5, 0, 7, 0)]
    assert extras.texts == (NAME, Text(5, 0, 1, b"b"), Text(5, 0, 1, b"a"))
    with pytest.raises(ValueError, match="read-only"):
        extras.controls["value"][0] = 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, 0, 64, 0), "control number is 64"),
        ((0, 0, 130, 0), "control number is 130"),
        ((0, 0, 7, 128), "control value is 128"),
        ((0, 0, PRESSURE, 128), "control value is 128"),
        ((0, 0, BEND, 16384), "control value is 16384"),
        ((-1, 0, 7, 0), "control tick is -1"),
    ],
)
def test_a_controller_out_of_range_is_named(row, message):
    with pytest.raises(PieceError, match=message):
        Extras(controls(row))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (Text(-1, 0, 1, b""), "text tick is -1"),
        (Text(0, -2, 1, b""), "text track is -2"),
        (Text(0, 0, 8, b""), "text kind is 8"),
        (Text(0, 0, 1, "a"), "must be at most"),
    ],
)
def test_a_text_out_of_range_is_named(text, message):
    with pytest.raises(PieceError, match=message):
        Extras(texts=(text,))


def test_pieces_with_other_extras_are_not_equal():
    piece = piece_with_extras()
    assert piece == piece_with_extras()
    assert piece != piece.replace(extras=Extras())
    assert piece != piece.replace(extras=Extras(piece.extras.controls, (NAME,)))
    assert not Piece().extras
    assert piece.without_notes() == Piece.of([])


def test_extras_move_with_the_notes():
    finer = piece_with_extras().at_resolution(960).extras
    assert finer.controls["tick"].tolist() == [0, 1920, 1920, 4000]
    assert [text.tick for text in finer.texts] == [0, 1920, 4000]
    late = Piece.of([(2000, 480, 60)]).replace(
        extras=Extras(controls((0, 0, 7, 1), (2000, 0, 7, 2)), (Text(1990, 0, 5, b"x"), NAME))
    )
    moved = late.without_leading_silence(bars=True).extras
    assert moved.controls.tolist() == [(0, 0, 7, 1), (80, 0, 7, 2)]
    assert [text.tick for text in moved.texts] == [0, 70]


def test_extras_past_the_last_tick_are_left_out():
    rows = controls((0, 0, 7, 1), (MAX_TICK, 0, 7, 2))
    piece = Piece(extras=Extras(rows, (NAME, Text(MAX_TICK, 0, 5, b"x"))), ticks_per_beat=1)
    extras = piece.at_resolution(2).extras
    assert extras.controls.tolist() == [(0, 0, 7, 1)]
    assert extras.texts == (NAME,)


def test_a_join_keeps_the_extras_of_the_first_piece_before_the_second_begins():
    piece, other = piece_with_extras(), Piece.of([(2000, 480, 60)])
    joined = piece.join(other.replace(extras=Extras(texts=(Text(0, 0, 3, b"other"),))))
    assert joined.extras.texts == (NAME, Text(960, 0, 5, b"la"))
    # The new note is not bent, as the last ones of the piece are.
    assert joined.extras.controls[-1].tolist() == (2000, 0, BEND, 8192)
    assert joined.extras.controls[:-1].tolist() == piece.extras.controls[:-1].tolist()
    assert piece.join(Piece.of([])).extras == piece.extras


def test_a_fade_of_the_last_note_does_not_silence_what_follows():
    rows = controls((0, 0, 7, 90), (700, 0, 7, 10), (100, 0, 10, 3), (700, 0, 71, 9))
    piece = Piece.of([(0, 480, 60), (480, 960, 60)]).replace(extras=Extras(rows))
    joined = piece.join(Piece.of([(1440, 480, 60), (1440, 480, 60, 80, 5)])).extras.controls
    assert joined.tolist() == [*piece.extras.controls.tolist(), (1440, 0, 7, 90)]


def test_an_excerpt_has_the_extras_before_the_next_note():
    extras = piece_with_extras().excerpt(1, 2).extras
    assert extras.controls["tick"].tolist() == [0, 960, 960]
    assert extras.texts == (NAME, Text(960, 0, 5, b"la"))
    assert piece_with_extras().excerpt(1, 3).extras == piece_with_extras().extras


def test_datasets_store_no_extras():
    assert Record.of(piece_with_extras()) == Record.of(piece_with_extras().replace(extras=Extras()))

import numpy as np
import pytest

from howlkit.errors import PieceError
from howlkit.music.extras import CONTROL, Extras, Text
from howlkit.music.piece import FOREVER, Piece
from howlkit.music.tables import DRUMS, KEY_SIGNATURE, NOTE, PEDAL, TEMPO, TIME_SIGNATURE
from tests.conftest import random_piece, tune


def rows(piece, *columns):
    return piece.notes[list(columns or ("start", "duration", "pitch"))].tolist()


def test_an_excerpt_by_beats_is_a_piece_of_its_own():
    piece = Piece.of([(480 * i, 700, 60 + i) for i in range(8)], name="steps")
    part = piece.excerpt(beats=(2, 4))
    assert rows(part) == [(0, 700, 62), (480, 700, 63)]
    assert (part.context, part.has_start, part.has_end, part.until) == (0, True, False, FOREVER)
    assert part.name == "steps"


def test_an_excerpt_to_the_end_has_the_end():
    piece = tune(bars=4)
    assert piece.excerpt(beats=(8, None)).has_end and piece.excerpt(beats=(0, None)) == piece
    assert not piece.excerpt(beats=(0, 8)).has_end


def test_what_holds_where_an_excerpt_begins_stands_at_its_start():
    piece = Piece.of([(480 * i, 480, 60) for i in range(16)]).replace(
        tempos=np.array([(0, 500_000), (960, 400_000), (3000, 300_000)], TEMPO),
        time_signatures=np.array([(0, 3, 4), (1440, 4, 4)], TIME_SIGNATURE),
        key_signatures=np.array([(0, 2, 0), (5000, 3, 1)], KEY_SIGNATURE),
        pedals=np.array([(0, 480, 0), (900, 1000, 0), (2000, 9, 0), (4000, 100, 0)], PEDAL),
        extras=Extras(
            np.array([(0, 0, 7, 100), (2000, 0, 7, 50), (4000, 0, 7, 1)], CONTROL),
            (Text(0, 0, 3, b"piano"), Text(10, 0, 5, b"la"), Text(2400, 0, 5, b"lo")),
        ),
    )
    part = piece.excerpt(beats=(3.5, 7))  # ticks 1680 to 3360
    assert rows(part, "start") == [(240,), (720,), (1200,)]
    assert part.tempos.tolist() == [(0, 400_000), (1320, 300_000)]
    assert part.time_signatures.tolist() == [(0, 4, 4)]
    assert part.key_signatures.tolist() == [(0, 2, 0)]
    assert part.pedals.tolist() == [(0, 220, 0), (320, 9, 0)]
    assert part.extras.controls.tolist() == [(0, 0, 7, 100), (320, 0, 7, 50)]
    assert [(text.tick, text.data) for text in part.extras.texts] == [(0, b"piano"), (720, b"lo")]


@pytest.mark.parametrize("seed", range(5))
def test_excerpts_by_seconds_that_follow_each_other_have_all_notes(seed):
    piece = random_piece(seed)
    cuts = [0, 1.3, 2.6, 9, None]
    parts = [piece.excerpt(seconds=pair) for pair in zip(cuts, cuts[1:], strict=False)]
    assert sum(map(len, parts)) == len(piece)
    for begin, part in zip(cuts, parts, strict=False):
        inside = piece.seconds(piece.notes["start"]) - begin
        mine = part.seconds(part.notes["start"])
        assert any(np.allclose(inside[k : k + len(mine)], mine, atol=0.002) for k in range(60))


@pytest.mark.parametrize("range_", [8, (8,), (8, 4), (-1, 4), (0, float("nan")), ("a", 4), None])
def test_what_is_no_range_is_refused(range_):
    with pytest.raises(PieceError, match=r"such as beats=\(8, 16\)|no notes"):
        piece = tune(bars=2)
        piece.excerpt(beats=range_) if range_ is not None else piece.excerpt(0, 1000)


def test_an_excerpt_is_by_notes_or_beats_or_seconds():
    for arguments in ({"first": 2}, {"seconds": (0, 1)}):
        with pytest.raises(PieceError, match="give one of them"):
            tune().excerpt(beats=(0, 4), **arguments)


def test_notes_are_added_as_rows_as_one_note_as_a_table_or_as_a_piece():
    piece = Piece.of([(0, 480, 60)])
    wanted = Piece.of([(0, 480, 60), (480, 240, 64)])
    for more in ([(480, 240, 64)], (480, 240, 64), wanted.notes[1:], wanted.notes[1], wanted):
        added = piece.add(more)
        assert rows(added)[-1] == (480, 240, 64)
    assert piece.add([]) == piece and rows(piece) == [(0, 480, 60)]
    with pytest.raises(PieceError, match="a note is"):
        piece.add([(480, 240)])


def test_a_piece_is_added_at_its_beats_in_a_track_of_its_own():
    piece = Piece.of([(0, 480, 60, 80, 0, 0)], ticks_per_beat=480)
    bass = Piece.of([(96, 96, 40, 80, 33, 0)], ticks_per_beat=96)
    added = piece.add(bass)
    assert added.ticks_per_beat == 480
    assert rows(added, "start", "duration", "pitch", "program", "track") == [
        (0, 480, 60, 0, 0),
        (480, 480, 40, 33, 1),
    ]


def test_what_is_added_after_the_end_of_an_excerpt_is_part_of_it():
    part = tune(bars=4).excerpt(0, 9)
    assert part.until < FOREVER
    assert part.add((100_000, 10, 60)).until == FOREVER


def test_an_excerpt_with_context_takes_no_notes():
    part = tune(bars=8).excerpt(30, 40)
    with pytest.raises(PieceError, match="notes of what comes before it"):
        part.add((0, 10, 60))


def test_notes_are_removed_by_a_mask_or_a_condition():
    piece = tune(bars=2)
    high = piece.remove(lambda notes: notes["pitch"] < 48)
    assert high == piece.remove(piece.notes["pitch"] < 48)
    assert len(high) == 16 and high.notes["pitch"].min() >= 48
    part = tune(bars=8).excerpt(30, 40)
    without = part.remove(np.arange(len(part)) < 1)
    assert (without.context, len(without)) == (part.context - 1, len(part) - 1)


@pytest.mark.parametrize("where", [[0, 1], [True], lambda notes: 3, np.zeros((18, 2), bool)])
def test_what_is_no_mask_is_refused(where):
    with pytest.raises(PieceError, match="for each of the 18 notes"):
        tune(bars=2).remove(where)


def test_transposing_moves_pitches_and_keys_but_no_drums():
    piece = Piece.of([(0, 480, 60), (0, 480, 36, 80, DRUMS)])
    piece = piece.replace(key_signatures=np.array([(0, 0, 0)], KEY_SIGNATURE))
    up = piece.transpose(2)
    assert rows(up, "pitch", "program") == [(62, 0), (36, DRUMS)]
    assert up.key_signatures["sharps"].tolist() == [2]  # D major
    assert up.transpose(-2) == piece == piece.transpose(0) == piece.transpose(np.int64(0))


def test_a_transposition_that_does_not_fit_says_how_far_it_may_go():
    with pytest.raises(PieceError, match=r"-60\.\.63 semitones are allowed"):
        Piece.of([(0, 480, 60), (0, 480, 64)]).transpose(64)
    with pytest.raises(PieceError, match=r"whole number of semitones; got 0\.5"):
        tune().transpose(0.5)


def test_quantising_moves_onsets_and_ends_to_the_nearest_position():
    piece = Piece.of([(5, 100, 60), (230, 30, 62), (470, 500, 64)])
    piece = piece.replace(pedals=np.array([(10, 455, 0), (3, 20, 0)], PEDAL))
    grid = piece.quantise(4)
    assert rows(grid) == [(0, 120, 60), (240, 120, 62), (480, 480, 64)]
    assert grid.pedals.tolist() == [(0, 480, 0), (0, 0, 0)]
    assert grid.quantise(4) == grid


def test_a_grid_that_is_none_is_refused():
    for grid in (0, 481, "4", 2.5):
        with pytest.raises(PieceError, match=r"positions a beat|1\.\.480"):
            tune().quantise(grid)


def test_a_quantised_piece_ends_by_the_last_tick():
    table = np.zeros(1, NOTE)
    table["start"], table["duration"], table["velocity"] = 2**31 - 3, 1, 1
    with pytest.raises(PieceError, match="after tick"):
        Piece(table, ticks_per_beat=480).quantise(1)


def test_a_piece_is_moved_in_time_with_all_that_stands_in_it():
    piece = tune(bars=2).replace(
        pedals=np.array([(0, 100, 0)], PEDAL),
        time_signatures=np.array([(0, 3, 4)], TIME_SIGNATURE),
        extras=Extras(np.array([(5, 0, 7, 90)], CONTROL), (Text(5, 0, 5, b"la"),)),
    )
    later = piece.shift(2)
    by = 2 * piece.ticks_per_beat
    assert (later.notes["start"] - piece.notes["start"] == by).all()
    assert (later.pedals["start"][0], later.time_signatures["tick"][0]) == (by, by)
    assert (later.extras.controls["tick"][0], later.extras.texts[0].tick) == (5 + by, 5 + by)
    assert later.shift(-2) == piece


@pytest.mark.parametrize("beats", [-1, float("nan"), "2", True, 10**9])
def test_a_piece_is_not_moved_to_where_no_note_can_be(beats):
    with pytest.raises(PieceError, match="beats|cannot be moved"):
        Piece.of([(0, 480, 60)]).shift(beats)


def test_one_piece_after_another_begins_at_the_next_bar_line():
    waltz = Piece.of([(0, 480, 60), (480, 480, 62)]).replace(
        time_signatures=np.array([(0, 3, 4)], TIME_SIGNATURE)
    )
    full = Piece.of([(0, 96, 64)], ticks_per_beat=24, bpm=90)
    both = waltz.then(full)
    assert rows(both, "start", "pitch") == [(0, 60), (480, 62), (1440, 64)]
    assert both.tempos.tolist() == [(0, 500_000), (1440, 666_667)]
    assert rows(both.then(waltz), "start")[-2:] == [
        (4320,),
        (4800,),
    ]  # it ends at 3360, in bars of 1440


def test_an_edited_part_is_put_back_where_it_was():
    piece = tune(bars=4)
    first, rest = piece.excerpt(beats=(0, 4)), piece.excerpt(beats=(4, None))
    again = first.add(rest.shift(4))
    assert (again.notes == piece.notes).all()

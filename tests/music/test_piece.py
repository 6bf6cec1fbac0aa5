import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howlkit.errors import PieceError
from howlkit.music.piece import FOREVER, Piece
from howlkit.music.tables import DRUMS, KEY_SIGNATURE, MAX_TICK, NOTE, PEDAL, TEMPO, TIME_SIGNATURE
from tests.conftest import random_piece, tune


def test_notes_are_sorted_by_start_program_pitch_track_duration_velocity():
    columns = ("start", "program", "pitch", "track", "duration", "velocity")
    rng = np.random.default_rng(0)
    notes = np.zeros(500, NOTE)
    notes["duration"], notes["velocity"] = rng.integers(1, 3, 500), rng.integers(1, 3, 500)
    for name in ("start", "program", "pitch", "track"):
        notes[name] = rng.integers(0, 3, 500)
    rows = [tuple(int(n[c]) for c in columns) for n in Piece(notes).notes]
    assert rows == sorted(rows)


def test_where_notes_end_is_told_in_the_order_of_the_notes():
    piece = Piece.of([(100, 7, 60), (0, 480, 62), (50, 1, 64)])
    assert piece.ends.tolist() == [480, 51, 107]
    assert (piece.ends == piece.notes["start"] + piece.notes["duration"]).all()
    assert piece.end == 480


def test_tables_cannot_be_changed():
    piece = tune()
    with pytest.raises(ValueError, match="read-only"):
        piece.notes["pitch"][0] = 0


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("pitch", 128, "pitch is 128; 0..127"),
        ("velocity", 0, "velocity is 0; 1..127"),
        ("duration", 0, "duration is 0; 1.."),
        ("start", -1, "start is -1; 0.."),
        ("program", 129, "program is 129; 0..128"),
    ],
)
def test_a_value_out_of_range_is_named(column, value, message):
    notes = tune().notes.copy()
    notes[column][3] = value
    with pytest.raises(PieceError, match=message):
        Piece(notes)


def test_a_note_that_ends_past_the_last_tick_is_refused():
    with pytest.raises(PieceError, match="note end"):
        Piece.of([(MAX_TICK, 1, 60)])


@pytest.mark.parametrize(
    "tables",
    [
        {"tempos": np.array([(0, 0)], TEMPO)},
        {"tempos": np.array([(5, 1), (5, 1)], TEMPO)},
        {"tempos": np.array([(-1, 1)], TEMPO)},
        {"time_signatures": np.array([(0, 4, 3)], TIME_SIGNATURE)},
        {"time_signatures": np.array([(0, 0, 4)], TIME_SIGNATURE)},
        {"key_signatures": np.array([(0, 8, 0)], KEY_SIGNATURE)},
        {"pedals": np.array([(-1, 3, 0)], PEDAL)},
        {"ticks_per_beat": 0},
        {"notes": np.zeros(3)},
        {"context": 1},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tables):
    with pytest.raises(PieceError):
        Piece(**tables)


def test_seconds_follow_the_tempo_map():
    tempos = np.array([(480, 1_000_000), (960, 250_000)], TEMPO)
    piece = Piece(tempos=tempos, ticks_per_beat=480)
    assert piece.seconds([0, 480, 720, 960, 1440]).tolist() == [0, 0.5, 1.0, 1.5, 1.75]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_ticks_is_the_inverse_of_seconds(seed):
    rng = np.random.default_rng(seed)
    tempos = np.zeros(5, TEMPO)
    tempos["tick"] = np.cumsum(rng.integers(1, 1000, 5))
    tempos["microseconds"] = rng.integers(1, 2**24, 5)
    piece = Piece(tempos=tempos, ticks_per_beat=int(rng.integers(1, 32768)))
    ticks = rng.integers(0, 10_000, 50)
    assert np.array_equal(piece.ticks(piece.seconds(ticks)), ticks)


def test_an_excerpt_brings_what_still_sounds_and_what_is_near_before_it():
    rows = [
        (0, 9000, 40),
        (0, 100, 60),
        (5000, 100, 62),
        (5400, 50, 63),
        (9000, 9, 64),
        (9500, 9, 65),
    ]
    piece = Piece.of(rows)
    part = piece.excerpt(4, 5)
    assert part.notes["pitch"].tolist() == [40, 60, 62, 63, 64]  # 62: within a beat of the last
    assert part.context == 4 and not part.has_start and not part.has_end
    assert (part.since, part.until) == (9000, 9500)
    whole = piece.excerpt(0, 6)
    assert whole == piece and (whole.since, whole.until) == (0, FOREVER)


def test_an_excerpt_brings_two_notes_that_are_no_drums_however_far_back():
    rows = [(i * 4800, 100, 50 + i, 80, 0 if i < 3 else DRUMS) for i in range(9)]
    part = Piece.of(rows).excerpt(8, 9)
    assert part.notes["pitch"].tolist() == [50, 51, 52, 53, 54, 55, 56, 57, 58]


def test_the_context_reaches_two_beats_or_seconds_back_twice():
    rows = [(i * 480, 100, 60) for i in range(40)]
    for bpm, beats in [(30, 2), (240, 8)]:  # the last onset before the cut is note 34's
        part = Piece.of(rows, bpm=bpm).excerpt(35, 36)
        first = 34 - beats - 2 - beats - 2
        assert (part.notes["start"] // 480).tolist() == list(range(first, 36))


def test_an_excerpt_brings_all_that_happened_last_however_far_back():
    """A chord cut in two after a rest: which note ended last, before the rest, is known."""
    chord = [(0, 300, 60), (1, 200, 62), (1, 100, 64), (1, 90, 65)]
    part = Piece.of([*chord, (9600, 480, 50), (9600, 480, 53)]).excerpt(5, 6)
    assert part.context == 5 and part.since == 9600


def test_notes_are_held_by_the_pedal_of_their_track():
    rows = [
        (0, 100, 60),
        (0, 100, 62, 80, 0, 1),
        (0, 100, 36, 80, DRUMS),
        (0, 500, 64),
        (0, 50, 65),
    ]
    pedals = np.array([(90, 410, 0), (300, 10, 0), (100, 7, 1), (0, 30, 2)], PEDAL)
    piece = Piece.of(rows).replace(pedals=pedals)
    assert dict(zip(piece.notes["pitch"].tolist(), piece.held.tolist(), strict=True)) == {
        60: 500,
        62: 107,  # the pedal goes down as the note ends
        36: 100,
        64: 500,  # lifted as the note ends
        65: 50,
    }
    assert Piece.of(rows).held.tolist() == Piece.of(rows).ends.tolist()


@pytest.mark.parametrize("tracks", [1, 2, 5], ids=["one track", "two tracks", "five tracks"])
def test_what_the_pedal_holds_is_what_one_finds_note_by_note(tracks):
    rng = np.random.default_rng(tracks)
    piece = random_piece(tracks, 300, longest_gap=300)
    notes, pedals = piece.notes.copy(), np.zeros(40, PEDAL)
    notes["track"] = rng.integers(0, 4, len(notes))
    notes["program"] = rng.choice([0, 40, DRUMS], len(notes))
    pedals["start"] = rng.integers(0, piece.end, len(pedals))  # in any order
    pedals["duration"] = rng.integers(0, 3000, len(pedals))
    pedals["track"] = 2 + rng.integers(0, tracks, len(pedals))
    piece = piece.replace(notes=notes, pedals=pedals)
    expected = piece.ends.tolist()
    for i, (note, end) in enumerate(zip(piece.notes, piece.ends.tolist(), strict=True)):
        for start, duration, track in pedals.tolist():
            if track == note["track"] and note["program"] != DRUMS and start <= end:
                expected[i] = max(expected[i], start + duration)
    assert piece.held.tolist() == expected != piece.ends.tolist()


def test_an_excerpt_brings_what_the_pedal_holds_and_no_more():
    """A pedal that nobody lifts holds every note; of each pitch the last is enough."""
    rows = [(i * 480, 100, 60 + i % 3) for i in range(100)]
    piece = Piece.of([(0, 100, 40), *rows]).replace(pedals=np.array([(50, 10**6, 0)], PEDAL))
    part = piece.excerpt(100, 101)
    assert part.notes["pitch"][0] == 40 and part.context < 18


def test_context_tears_no_chord():
    """Three notes in one place of a grid, rolled downwards; the last in order is the first here."""
    rolled = [(9600, 100, 90), (9602, 100, 60), (9604, 100, 70)]
    piece = Piece.of([(0, 100, 40), *rolled, (19200, 100, 50), (19202, 100, 55)])
    assert piece.excerpt(5, 6).notes["pitch"].tolist() == [40, 90, 60, 70, 50, 55]


def test_excerpts_tile_the_piece():
    piece = random_piece(0, 100)
    parts = [piece.excerpt(a, a + 25) for a in range(0, 100, 25)]
    notes = np.concatenate([part.notes[part.context :] for part in parts])
    assert np.array_equal(notes, piece.notes)
    assert [part.has_start for part in parts] == [True, False, False, False]
    assert [part.has_end for part in parts] == [False, False, False, True]


def test_another_resolution_keeps_the_seconds():
    piece = random_piece(2)
    fine = piece.at_resolution(4800)
    assert np.allclose(fine.seconds(fine.notes["start"]), piece.seconds(piece.notes["start"]))
    assert fine.at_resolution(480) == piece


def test_another_resolution_leaves_out_what_no_tick_is_left_for():
    far = Piece(ticks_per_beat=1, tempos=np.array([(0, 500_000), (2**31 - 1, 400_000)], TEMPO))
    assert far.at_resolution(480).tempos.tolist() == [(0, 500_000)]


def test_joined_pieces_keep_the_first_one_as_it_was():
    first = tune(bars=2)
    later = Piece.of([(5000, 96, 60, 80, 0, 7), (6000, 96, 50, 80, 33, 7)], ticks_per_beat=96)
    joined = first.join(later)
    assert joined.ticks_per_beat == 480
    assert joined.excerpt(0, len(first)).notes.tolist() == first.notes.tolist()
    assert joined.notes[len(first) :]["start"].tolist() == [25_000, 30_000]
    assert joined.notes[len(first) :]["track"].tolist() == [0, 1]


def test_a_joined_piece_goes_on_in_its_own_tracks_tempi_metre_and_pedals():
    first = Piece.of([(0, 480, 60, 80, 0, 0), (480, 480, 50, 80, 0, 1)])
    first = first.replace(
        tempos=np.array([(0, 500_000), (2000, 300_000)], TEMPO),
        pedals=np.array([(0, 480, 0)], PEDAL),
    )
    later = Piece.of([(960, 480, 62, 80, 0, 0), (960, 480, 52, 80, 0, 1), (960, 9, 40, 80, 9, 1)])
    later = later.replace(
        tempos=np.array([(0, 700_000), (960, 600_000)], TEMPO),
        time_signatures=np.array([(0, 3, 4), (1440, 2, 4)], TIME_SIGNATURE),
        pedals=np.array([(0, 400, 0), (960, 480, 1)], PEDAL),
    )
    joined = first.join(later)
    assert joined.tempos.tolist() == [(0, 500_000), (960, 600_000)]
    assert joined.time_signatures.tolist() == [(1440, 2, 4)]
    assert joined.pedals.tolist() == [(0, 480, 0), (960, 480, 1)]
    assert joined.notes["track"].tolist() == [0, 1, 1, 0, 2]
    assert joined.notes["pitch"].tolist() == [60, 50, 52, 62, 40]


def test_leading_silence_goes_by_bars_of_the_metre():
    piece = Piece.of([(1440 * 3 + 480, 100, 60)])
    piece = piece.replace(time_signatures=np.array([(0, 4, 4), (1440, 3, 4)], TIME_SIGNATURE))
    moved = piece.without_leading_silence(bars=True)
    assert moved.notes["start"].tolist() == [480]
    assert moved.time_signatures.tolist() == [(0, 3, 4)]


def test_leading_silence_goes_by_whole_bars():
    piece = Piece.of([(1920 * 3 + 480, 100, 60)])
    assert piece.without_leading_silence(bars=True).notes["start"].tolist() == [480]
    assert piece.without_leading_silence(bars=False).notes["start"].tolist() == [0]
    assert len(Piece().without_leading_silence(bars=True)) == 0


def test_a_pedal_that_is_never_lifted_holds_no_notes_for_an_encoder():
    pedals = np.array([(0, 960, 0), (1920, 480 * 200, 0)], PEDAL)  # 100 s from tick 1920 on
    piece = Piece.of([(0, 480, 60), (1920, 480, 62), (4800, 480, 64)]).replace(pedals=pedals)
    assert piece.held.tolist() == [960, 97920, 97920]
    assert piece.sustained.tolist() == [960, 2400, 5280]
    usual = piece.replace(pedals=pedals[:1])
    assert usual.sustained is usual.held and Piece().sustained.tolist() == []

import time
from importlib import resources

import numpy as np
import pytest

from howlkit.music import chorales
from howlkit.music.piece import Piece


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return chorales.load()


def find(pieces, number):
    return next(p for p in pieces if p.name.split()[1] == number)


def voice(piece, track):
    return piece.notes[piece.notes["track"] == track]


def bars(piece, track, count):
    """The first notes of a voice as (beat from the first bar line, beats, pitch)."""
    notes = voice(piece, track)[:count]
    beat = piece.ticks_per_beat
    return [(n["start"] / beat, n["duration"] / beat, int(n["pitch"])) for n in notes]


def test_there_are_as_many_pieces_and_notes_as_the_card_says(pieces):
    card = (resources.files("howlkit") / "data" / "README.md").read_text()
    assert f"| pieces | {len(pieces)} |" in card
    assert f"| notes | {sum(map(len, pieces)):,} " in card


def test_the_file_is_small_and_has_no_pickle_in_it():
    path = resources.files("howlkit") / "data" / "chorales.npz"
    assert len(path.read_bytes()) < 300_000
    with path.open("rb") as file:
        assert all(not a.dtype.hasobject for a in dict(np.load(file, allow_pickle=False)).values())


def test_loading_is_quick():
    start = time.perf_counter()
    chorales.load()
    assert time.perf_counter() - start < 1.5  # about 0.1 s; a busy machine has leave to be slower


def test_every_piece_has_four_voices_within_a_singers_range(pieces):
    ranges = [(55, 81), (52, 76), (47, 69), (36, 64)]
    for piece in pieces:
        assert np.unique(piece.notes["track"]).tolist() == [0, 1, 2, 3]
        for track, (low, high) in enumerate(ranges):
            pitches = voice(piece, track)["pitch"]
            assert low <= pitches.min() and pitches.max() <= high, (piece.name, track)


def test_voices_lie_in_order_on_average(pieces):
    for piece in pieces:
        means = [voice(piece, track)["pitch"].mean() for track in range(4)]
        assert means == sorted(means, reverse=True), piece.name


def test_no_voice_overlaps_itself_or_pauses_for_more_than_a_bar(pieces):
    for piece in pieces:
        for track in range(4):
            notes = voice(piece, track)
            gaps = notes["start"][1:] - (notes["start"] + notes["duration"])[:-1]
            assert gaps.min() >= 0, piece.name
            assert gaps.max() <= 4 * piece.ticks_per_beat, piece.name


def test_all_voices_end_together_and_the_first_bar_is_never_silent(pieces):
    for piece in pieces:
        ends = {
            int((v["start"] + v["duration"]).max()) for v in (voice(piece, t) for t in range(4))
        }
        assert len(ends) == 1, piece.name
        assert piece.notes["start"][0] < 4 * piece.ticks_per_beat, piece.name


def test_no_two_pieces_sound_the_same_in_any_key(pieces):
    shapes = set()
    for piece in pieces:
        notes = piece.notes[np.lexsort((piece.notes["start"], piece.notes["track"]))]
        pitch = notes["pitch"].astype(int) - int(notes["pitch"][0])
        start = notes["start"] - notes["start"].min()
        shapes.add((pitch.tobytes(), start.tobytes(), notes["duration"].tobytes()))
    assert len(shapes) == len(pieces)


def test_names_are_unique_and_in_order_of_their_bwv_number(pieces):
    numbers = [p.name.split()[1] for p in pieces]
    assert len(set(numbers)) == len(numbers)
    catalogue = [int(n.split(".")[0].split("-")[0]) for n in numbers]
    assert catalogue == sorted(catalogue)


def test_constants_are_as_documented(pieces):
    piece = pieces[0]
    assert set(piece.notes["velocity"].tolist()) == {chorales.VELOCITY}
    assert set(piece.notes["program"].tolist()) == {0}
    assert 60e6 / piece.tempos["microseconds"][0] == pytest.approx(chorales.BPM, rel=1e-5)


# Known by ear; each line was compared with the score that music21 shows.


def test_aus_meines_herzens_grunde_begins_with_its_upbeat_on_the_third_beat(pieces):
    piece = find(pieces, "269")
    assert piece.name == "BWV 269 Aus meines Herzens Grunde"
    assert piece.time_signatures.tolist() == [(0, 3, 4)]
    assert piece.key_signatures.tolist() == [(0, 1, 0)]
    chord = piece.notes[piece.notes["start"] == 2 * piece.ticks_per_beat]
    assert sorted(chord["pitch"].tolist()) == [43, 59, 62, 67]  # G major: G2 B3 D4 G4
    # G | G- D | B. A G | G. ...
    assert bars(piece, 0, 6) == [
        *[(2, 1, 67), (3, 2, 67), (5, 1, 74)],
        *[(6, 1.5, 71), (7.5, 0.5, 69), (8, 1, 67)],
    ]


def test_ein_feste_burg_begins_with_three_high_ds(pieces):
    piece = find(pieces, "80.8")
    assert [note[2] for note in bars(piece, 0, 8)] == [74, 74, 74, 69, 71, 73, 74, 73]
    assert piece.key_signatures.tolist() == [(0, 2, 0)]


def test_o_haupt_voll_blut_und_wunden_is_in_one_flat(pieces):
    piece = find(pieces, "244.54")
    assert [note[2] for note in bars(piece, 0, 7)] == [69, 74, 72, 70, 69, 67, 69]
    assert piece.key_signatures["sharps"].tolist() == [-1]


def test_wachet_auf_is_a_rising_e_flat_major_chord(pieces):
    assert bars(find(pieces, "140.7"), 0, 4) == [
        (0, 1, 63),
        (1, 1, 67),
        (2, 1.5, 70),
        (3.5, 0.5, 70),
    ]

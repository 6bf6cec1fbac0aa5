import importlib

import numpy as np
import pytest

from howlkit.errors import PieceError, PluginError
from howlkit.music.exchange.note_arrays import NOTE_ARRAY
from howlkit.music.extras import BEND, CONTROL, Extras, Text
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, KEY_SIGNATURE, PEDAL, TEMPO, TIME_SIGNATURE
from tests.conftest import random_piece, tune


def rich():
    """A piece with everything: two tracks, drums, maps, pedals, controllers and names."""
    notes = [
        (0, 480, 60, 80, 0, 0),
        (240, 100, 64, 1, 0, 0),
        (480, 480, 36, 127, DRUMS, 1),
        (960, 10, 48, 70, 40, 2),
    ]
    return Piece.of(notes, ticks_per_beat=480).replace(
        tempos=np.array([(0, 434_783), (700, 600_001)], TEMPO),
        time_signatures=np.array([(0, 6, 8), (1440, 4, 4)], TIME_SIGNATURE),
        key_signatures=np.array([(0, -3, 1)], KEY_SIGNATURE),
        pedals=np.array([(0, 470, 0), (960, 40, 2)], PEDAL),
        extras=Extras(
            np.array([(0, 0, 7, 100), (50, 2, BEND, 9000)], CONTROL),
            (Text(0, 0, 3, "Flügel".encode()), Text(0, 2, 3, b"viola")),
        ),
    )


def test_a_note_array_has_the_times_in_seconds_beats_and_ticks():
    array = rich().note_array()
    assert array.dtype == NOTE_ARRAY
    assert array["onset_tick"].tolist() == [0, 240, 480, 960]
    assert array["duration_beat"].tolist() == [1, 100 / 480, 1, 10 / 480]
    assert array["channel"].tolist() == [0, 0, 9, 0]
    assert array["program"].tolist() == [0, 0, 128, 40]
    assert array["id"].tolist() == ["n0", "n1", "n2", "n3"]
    seconds = (700 * 0.434783 + 260 * 0.600001) / 480
    assert array["onset_sec"][3] == pytest.approx(seconds)
    assert array["duration_sec"][3] == pytest.approx(10 * 0.600001 / 480)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("unit", ["beat", "sec", "tick"])
def test_notes_come_back_from_any_unit_of_an_array(seed, unit):
    piece = random_piece(seed, ticks_per_beat=(480, 96, 1000)[seed % 3])
    array = piece.note_array()
    columns = [f"onset_{unit}", f"duration_{unit}", "pitch", "velocity", "track", "program"]
    back = Piece.from_note_array(array[columns], like=piece)
    assert back == piece and back.name == piece.name


def test_an_array_of_a_score_is_read_from_its_first_onset():
    """Partitura's score arrays: float32, an upbeat before 0, no velocity and no program."""
    dtype = [("onset_beat", "f4"), ("duration_beat", "f4"), ("pitch", "i4"), ("id", "U8")]
    array = np.array([(-1, 1, 67, "a"), (0, 0, 72, "grace"), (0, 2, 72, "b")], dtype)
    piece = Piece.from_note_array(array, bpm=90, ticks_per_beat=24)
    assert piece.notes[["start", "duration", "pitch", "velocity"]].tolist() == [
        (0, 24, 67, 80),
        (24, 1, 72, 80),
        (24, 48, 72, 80),
    ]
    assert piece.tempos["microseconds"].tolist() == [666_667]


def test_channel_10_is_drums_where_there_is_no_program():
    dtype = [("onset_sec", "f4"), ("duration_sec", "f4"), ("pitch", "i4"), ("channel", "i4")]
    piece = Piece.from_note_array(np.array([(0, 1, 36, 9), (0, 1, 60, 0)], dtype))
    assert sorted(piece.notes["program"].tolist()) == [0, DRUMS]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([(0, 1, 60)], "structured array with the columns pitch"),
        (np.zeros(2, [("onset_sec", "f4"), ("pitch", "i4")]), "got onset_sec, pitch"),
        (np.array([(0, 1, 300)], [("onset_beat", "f4"), ("duration_beat", "f4"), ("pitch", "i4")]),
         r"pitch is 300; 0\.\.255"),
        (np.array([(0, 1, 130)], [("onset_beat", "f4"), ("duration_beat", "f4"), ("pitch", "i4")]),
         r"pitch is 130; 0\.\.127"),
        (np.array([(np.nan, 1, 1)], [("onset_sec", "f4"), ("duration_sec", "f4"), ("pitch", "i4")]),
         "finite"),
        (np.array([(1e9, 1, 1)], [("onset_beat", "f4"), ("duration_beat", "f4"), ("pitch", "i4")]),
         "the last that is allowed"),
    ],
)  # fmt: skip
def test_what_is_no_note_array_is_refused(array, message):
    with pytest.raises(PieceError, match=message):
        Piece.from_note_array(array)


def test_a_piece_comes_back_from_symusic_as_it_was():
    piece = rich()
    back = Piece.from_symusic(piece.to_symusic(), name="back")
    assert back == piece and back.name == "back"
    assert Piece.from_symusic(Piece().to_symusic()) == Piece()


def test_a_score_of_symusic_says_what_the_piece_says():
    score = rich().to_symusic()
    assert [(t.name, t.program, t.is_drum) for t in score.tracks] == [
        ("Flügel", 0, False), ("", 0, True), ("viola", 40, False)
    ]  # fmt: skip
    assert score.tpq == 480 and score.note_num() == 4 and score.tempos[0].mspq == 434_783
    assert [(p.time, p.duration) for p in score.tracks[0].pedals] == [(0, 470)]


def test_a_score_in_seconds_is_read_too():
    score = tune(bars=2).to_symusic().to("second")
    assert len(Piece.from_symusic(score)) == len(tune(bars=2))


@pytest.mark.parametrize("method", ["from_symusic", "from_pretty_midi"])
def test_what_is_of_another_library_is_refused(method):
    with pytest.raises(PieceError, match=f"{method} takes"):
        getattr(Piece, method)("x.mid")


def test_a_piece_comes_back_from_pretty_midi_as_it_was():
    pytest.importorskip("pretty_midi")
    piece = rich()
    music = piece.to_pretty_midi()
    assert len(music.instruments) == 3 and music.resolution == 480
    onsets = [note.start for instrument in music.instruments for note in instrument.notes]
    np.testing.assert_allclose(sorted(onsets), piece.note_array()["onset_sec"], atol=1e-6)
    back = Piece.from_pretty_midi(music)
    columns = ["start", "duration", "pitch", "velocity", "program"]
    assert back.notes[columns].tolist() == piece.notes[columns].tolist()
    np.testing.assert_allclose(back.tempos["microseconds"], piece.tempos["microseconds"], atol=1)
    assert back.pedals[["start", "duration"]].tolist() == [(0, 470), (960, 40)]
    assert back.time_signatures.tolist() == piece.time_signatures.tolist()


def test_without_pretty_midi_the_error_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(PluginError, match="pip install pretty_midi"):
        tune().to_pretty_midi()

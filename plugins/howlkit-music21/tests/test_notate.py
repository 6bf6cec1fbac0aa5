"""Pieces go out as MusicXML that says what was played, readably."""

import zipfile

import numpy as np
import pytest
from howlkit_music21 import Music21, MusicXml, alignment, drums, keys, notation, quantise
from music21 import converter, stream

from howlkit.cli import main
from howlkit.errors import DataError
from howlkit.music import DRUMS, KEY_SIGNATURE, TIME_SIGNATURE, Piece, chorales, midi
from howlkit.sampling import writers
from howlkit.testing import writer_checks

COLUMNS = ["start", "duration", "pitch", "program"]


def back(piece, tmp_path):
    """Return what our own source reads of the MusicXML of a piece, at its resolution."""
    path = tmp_path / "out.musicxml"
    path.write_bytes(notation.musicxml(piece))
    (read,) = Music21().read(path)
    return read.at_resolution(piece.ticks_per_beat)


def same_notes(one, other, columns=COLUMNS):
    return sorted(one.notes[columns].tolist()) == sorted(other.notes[columns].tolist())


@pytest.mark.parametrize("index", [0, 7, 100, 250])
def test_a_chorale_comes_back_as_it_was(index, tmp_path):
    piece = chorales.load()[index]
    read = back(piece, tmp_path)
    assert same_notes(piece, read, [*COLUMNS, "track"])
    assert np.array_equal(read.time_signatures, piece.time_signatures)
    assert read.key_signatures["sharps"][0] == piece.key_signatures["sharps"][0]
    assert 60e6 / read.tempos["microseconds"][0] == pytest.approx(chorales.BPM, rel=0.01)


METRES = [(0, 4, 4), (8 * 24, 7, 8), (15 * 24, 6, 8), (21 * 24, 3, 2)]
"""In ticks of 24 a beat: two bars of 4/4, two of 7/8, two of 6/8, and then 3/2."""


def line(rng, beats, program, low):
    """A line of notes and rests on sixteenths, or in triplets in some beats."""
    rows = []
    for beat in range(beats):
        step = 8 if rng.random() < 0.25 and not 8 <= beat < 21 else 6  # bars of 7/8 cut beats
        for place in range(24 // step):
            if rng.random() < 0.7:
                pitch = (
                    int(rng.choice([36, 38, 42, 46, 70]))
                    if program == DRUMS
                    else low + int(rng.integers(0, 12))
                )
                rows.append((24 * beat + step * place, step, pitch, 80, program))
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_lines_on_the_grid_come_back_through_any_metre(seed, tmp_path):
    rng = np.random.default_rng(seed)
    rows = []
    for track, (program, low) in enumerate([(73, 72), (32, 36), (DRUMS, 0)]):
        rows += [(*row, track) for row in line(rng, 30, program, low)]
    metres = np.array(METRES, TIME_SIGNATURE)
    piece = Piece.of(rows, ticks_per_beat=24).replace(time_signatures=metres)
    read = back(piece, tmp_path)
    assert same_notes(piece, read, ["start", "pitch", "program"])
    # A sixteenth before a short rest may be written as an eighth; nothing is written shorter.
    pitched = piece.notes["program"] != DRUMS
    assert (read.notes["duration"] >= piece.notes["duration"])[pitched].all()
    assert read.time_signatures.tolist() == METRES


def test_a_bar_that_the_next_metre_cuts_short_has_a_metre_of_its_own(tmp_path):
    metres = np.array([(0, 4, 4), (5640, 3, 4)], TIME_SIGNATURE)
    piece = Piece.of([(120 * i, 120, 60 + i % 12) for i in range(100)])
    read = back(piece.replace(time_signatures=metres), tmp_path)
    assert same_notes(piece, read)
    assert read.time_signatures.tolist() == [(0, 4, 4), (3840, 15, 16), (5640, 3, 4)]


def test_what_is_played_unevenly_is_written_evenly(tmp_path):
    rng = np.random.default_rng(1)
    piece = chorales.load()[20].at_resolution(480)
    played = piece.notes.copy()
    played["start"] = np.maximum(played["start"] + rng.integers(-25, 26, len(played)), 0)
    played["duration"] = played["duration"] * rng.uniform(0.8, 0.95, len(played))
    read = back(piece.replace(notes=played), tmp_path)
    assert same_notes(piece, read)


def test_notes_held_below_others_are_a_second_voice(tmp_path):
    piece = Piece.of([(0, 1920, 60), *((i * 480, 480, 72 + i) for i in range(4))])
    assert same_notes(piece, back(piece, tmp_path))


def test_notes_faster_than_sixteenths_do_not_become_chords(tmp_path):
    piece = Piece.of([(i * 60, 60, 72 + i % 5) for i in range(16)])
    assert same_notes(piece, back(piece, tmp_path))


@pytest.mark.parametrize("seed", range(6))
def test_every_bar_is_full(seed, tmp_path):
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.integers(0, 20_000, 150))
    rows = [
        (int(start), int(rng.integers(1, 2500)), int(rng.integers(30, 95)), 80, 0)
        for start in starts
    ]
    metres = np.array([(0, 3, 4), (5760, 5, 8), (9360, 4, 4)], TIME_SIGNATURE)
    path = tmp_path / "out.musicxml"
    path.write_bytes(notation.musicxml(Piece.of(rows).replace(time_signatures=metres)))
    score = converter.parse(path, forceSource=True)
    for part in score.parts:
        bars = list(part.getElementsByClass(stream.Measure))
        assert len(bars) > 10
        for bar in bars[:-1]:
            assert bar.duration.quarterLength == bar.barDuration.quarterLength
            for voice in bar.voices:
                assert voice.duration.quarterLength == bar.barDuration.quarterLength


def test_a_wide_keyboard_track_has_two_braced_staves_and_a_voice_one():
    wide = Piece.of([(i * 480, 480, pitch) for i in range(8) for pitch in (45, 76)])
    assert [type(part).__name__ for part in notation.score_of(wide).parts] == ["PartStaff"] * 2
    sung = Piece.of([(i * 480, 480, 55 + i, 80, 52) for i in range(8)])
    assert len(notation.score_of(sung).parts) == 1


def test_the_key_that_is_stated_counts_and_else_the_likeliest():
    found = chorales.load()
    right = [
        keys.estimate(piece)
        == (piece.key_signatures["sharps"][0], piece.key_signatures["minor"][0])
        for piece in found
    ]
    assert np.mean(right) > 0.6  # many begin or end in another key than they state
    stated = Piece.of([(0, 480, 60)]).replace(key_signatures=np.array([(0, -5, 1)], KEY_SIGNATURE))
    part = notation.score_of(stated).parts[0]
    assert part.recurse().getElementsByClass("KeySignature")[0].sharps == -5
    assert keys.estimate(Piece.of([(0, 1, 36, 80, DRUMS)])) == (0, False)


@pytest.mark.parametrize(
    ("pitch", "sharps", "name"),
    [
        (60, 0, ("C", 4)),
        (61, 0, ("C#", 4)),
        (70, 0, ("B-", 4)),
        (66, 1, ("F#", 4)),
        (59, -7, ("C-", 4)),
        (60, 7, ("B#", 3)),
        (1, 0, ("C#", -1)),
    ],
)
def test_pitches_are_spelt_in_the_key(pitch, sharps, name):
    assert keys.spelling(pitch, sharps) == name


@pytest.mark.parametrize(
    ("start", "length", "written"),
    [
        (1, 2, [1.0]),
        (1, 7, [0.5, 3.0]),
        (1, 3, [0.5, 1.0]),
        (0, 8, [4.0]),
        (2, 5, [2.0, 0.5]),
        (3, 3, [0.5, 1.0]),
    ],
)
def test_long_notes_off_the_beat_are_no_chains(start, length, written):
    """start, length: in eighths of a bar of 4/4."""
    following = [(240 * at, 240, 77) for at in range(start + length, 16)]
    piece = Piece.of([(240 * start, 240 * length, 76), *following])
    (part,) = notation.score_of(piece).parts
    notes = [each for each in part.measure(1).recurse().notes if each.pitch.midi == 76]
    assert [float(each.quarterLength) for each in notes] == written


def test_voices_are_at_most_two_and_never_overlap():
    rng = np.random.default_rng(3)
    rows = [(int(t), 900, int(rng.integers(40, 80))) for t in np.sort(rng.integers(0, 9000, 80))]
    piece = Piece.of(rows)
    voices = quantise.voices_of(piece.notes, piece.ticks_per_beat, np.arange(0, 600, 24))
    assert len(voices) == 2
    for voice in voices:
        for one, other in zip(voice.events, voice.events[1:], strict=False):
            assert one.start < one.stop <= other.start


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code, *capsys.readouterr()


def test_the_command_writes_a_score_beside_the_midi_file(tmp_path, capsys):
    piece = chorales.load()[3]
    midi.write(piece, tmp_path / "new.mid")
    code, out, err = run(capsys, "notate", tmp_path / "new.mid")
    assert (code, out) == (0, f"{tmp_path / 'new.musicxml'}\n"), err
    score = converter.parse(tmp_path / "new.musicxml", forceSource=True)
    assert score.metadata.bestTitle == "new" and len(score.parts) == 4
    code, out, _ = run(capsys, "notate", tmp_path / "new.mid", "--out", tmp_path / "a" / "b")
    assert code == 0 and (tmp_path / "a" / "b.musicxml").is_file()


def test_a_score_that_exists_is_replaced_with_force_only(tmp_path, capsys):
    midi.write(chorales.load()[3], tmp_path / "new.mid")
    score = tmp_path / "new.musicxml"
    score.write_text("edited by hand")
    code, _, err = run(capsys, "notate", tmp_path / "new.mid", "--out", score)
    assert code == 1 and "new.musicxml exists already; add --force" in err
    code, out, _ = run(capsys, "notate", tmp_path / "new.mid")
    assert (code, out) == (0, f"{tmp_path / 'new-2.musicxml'}\n")
    code, out, _ = run(capsys, "notate", tmp_path / "new.mid", "--out", tmp_path)
    assert (code, out) == (0, f"{tmp_path / 'new-3.musicxml'}\n")
    assert score.read_text() == "edited by hand"
    assert run(capsys, "notate", tmp_path / "new.mid", "--out", score, "--force")[0] == 0
    assert score.read_text().startswith("<?xml")


def test_a_file_without_notes_is_an_error_in_words(tmp_path, capsys):
    midi.write(Piece(), tmp_path / "none.mid")
    code, out, err = run(capsys, "notate", tmp_path / "none.mid")
    assert (code, out) == (1, "") and "none.mid: there are no notes to write down" in err
    with pytest.raises(DataError):
        notation.musicxml(Piece())


def test_no_two_drums_are_written_alike():
    assert len({drums.shape(pitch) for pitch in range(128)}) == 128


def test_a_kit_comes_back_drum_by_drum(tmp_path):
    rows = [(240 * (pitch - 27), 240, pitch, 80, DRUMS) for pitch in range(27, 88)]
    rows += [(240 * 10, 240, 36, 80, DRUMS), (240 * 10, 240, 49, 80, DRUMS)]
    piece = Piece.of(rows)
    assert same_notes(piece, back(piece, tmp_path), ["start", "pitch", "program"])


# As a writer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("check", writer_checks(MusicXml()), ids=lambda check: check.name)
def test_the_writer_keeps_to_its_contract(check):
    check()


@pytest.mark.parametrize("suffix", MusicXml.suffixes)
def test_every_suffix_is_read_back_by_music21_and_by_our_source(suffix, tmp_path):
    piece, path = chorales.load()[12], tmp_path / f"new{suffix}"
    writers.write(piece, path, MusicXml(title="Waltz"))
    assert zipfile.is_zipfile(path) == (suffix == ".mxl")
    score = converter.parse(path, forceSource=True)
    assert score.metadata.bestTitle == "Waltz" and score.metadata.composer is None
    (read,) = Music21().read(path)
    assert same_notes(piece, read.at_resolution(piece.ticks_per_beat))


def test_samples_are_written_as_sheet_music_with_the_onsets_of_the_midi(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    arguments = ["--out-dir", "run", "--steps", 4, "-o", "lstm.hidden=16", "-o", "tuple.grid=4"]
    assert run(capsys, "train", *arguments, "--augment", "none")[0] == 0
    for name in ("new.mid", "new.musicxml", "again.musicxml"):
        code, out, err = run(capsys, "sample", "run", "--notes", 60, "--out", name)
        assert (code, out) == (0, ""), err
    sampled = midi.read("new.mid")
    (read,) = Music21().read(tmp_path / "new.musicxml")
    assert {*zip(*onsets(read), strict=True)} <= {*zip(*onsets(sampled), strict=True)}
    texts = [(tmp_path / f"{name}.musicxml").read_text() for name in ("new", "again")]
    assert texts[0].replace(">new<", ">again<") == texts[1]


def onsets(piece):
    """Return where notes begin, in beats, and their pitches."""
    notes = piece.notes
    return (notes["start"] / piece.ticks_per_beat).tolist(), notes["pitch"].tolist()


# Music beside its beats -----------------------------------------------------------------------


@pytest.mark.parametrize("late", [-11, -7, -4, 3, 6, 9, 11])
def test_music_beside_its_beats_is_written_as_if_it_were_on_them(late, tmp_path):
    piece = chorales.load()[7].at_resolution(480)
    notes = piece.notes.copy()
    notes["start"] += 20 * late + 4 * 480
    moved = piece.replace(notes=notes)
    assert alignment.phase(moved) == late
    placed = piece.notes.copy()
    placed["start"] += 4 * 480
    assert same_notes(piece.replace(notes=placed), back(moved, tmp_path))


def test_what_begins_too_early_to_be_moved_back_is_moved_on():
    piece = Piece.of([(120 + 480 * i, 240, 60) for i in range(20)])
    assert alignment.phase(piece) == 6
    assert alignment.aligned(piece).notes["start"][0] == 0
    early = Piece.of([(0, 100, 60), *((120 + 480 * i, 240, 62) for i in range(20))])
    assert alignment.aligned(early).notes["start"][:2].tolist() == [360, 480]


@pytest.mark.parametrize("index", [0, 30, 200])
def test_music_on_its_beats_stays_where_it_is(index):
    piece = chorales.load()[index]
    assert alignment.aligned(piece) is piece
    rng = np.random.default_rng(index)
    free = Piece.of([(int(t), 100, 60) for t in np.sort(rng.integers(0, 90_000, 400))])
    assert alignment.aligned(free) is free  # beside every beat as much as on it
    offbeats = Piece.of([(240 + 480 * i, 240, 60) for i in range(20)])
    assert alignment.aligned(offbeats) is offbeats


def test_a_piece_of_more_bars_than_a_score_can_have_is_refused():
    with pytest.raises(DataError, match="more than 5000 bars"):
        notation.musicxml(Piece.of([(0, 480, 60), (4 * 480 * 5000, 480, 60)]))

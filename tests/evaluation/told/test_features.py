"""Features of excerpts, on music whose values follow by hand; times at 120 beats a minute."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from howlkit.evaluation.told import FEATURES, measure
from howlkit.evaluation.told.chords import Chords
from howlkit.music import midi
from howlkit.music.piece import DRUMS, TEMPO, Piece
from tests.conftest import random_piece, tune, walk

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)

MELODY = Piece.of([(480 * i, 480, pitch) for i, pitch in enumerate(SCALE)])
"""Eight notes of C major, each half a second."""

CHORDS = Piece.of(
    [(960 * i, 960, pitch) for i in range(4) for pitch in ((60, 64, 67), (60, 65, 69))[i % 2]]
)
"""C major and F major in turn, each a second."""

LOOP = Piece.of([(240 * i, 240, (60, 64, 67, 72)[i % 4]) for i in range(160)])
"""An arpeggio of a second, for forty seconds."""

MODULATING = Piece.of(
    [(240 * i, 240, SCALE[i % 7] + 6 * (i >= 80)) for i in range(160)]  # C major, then F# major
)


def value(name, piece):
    return FEATURES[name].function(piece)


@pytest.mark.parametrize(
    ("name", "piece", "expected"),
    [
        ("notes_per_second", MELODY, 2.0),
        ("notes_per_second", CHORDS, 3.0),
        ("density_spread", LOOP, 0.0),
        ("mean_polyphony", CHORDS, 3.0),
        ("most_at_once", CHORDS, 3.0),
        ("notes_per_onset", CHORDS, 3.0),
        ("single_note_share", MELODY, 1.0),
        ("silence_share", MELODY, 0.0),
        ("longest_silence", Piece.of([(0, 480, 60), (960, 480, 60)]), 0.5),
        ("silence_share", Piece.of([(0, 480, 60), (960, 480, 60)]), 1 / 3),
        ("restrike_share", Piece.of([(0, 960, 60), (480, 480, 60)]), 0.5),
        ("note_length", CHORDS, 1.0),
        ("note_length_spread", Piece.of([(0, 480, 60), (480, 960, 60)]), 0.5),
        ("note_length_kinds", CHORDS, 0.0),
        ("longest_note", CHORDS, 1.0),
        ("legato", Piece.of([(0, 240, 60), (480, 240, 62), (960, 240, 64)]), 0.5),
        ("loudness", Piece.of([(0, 480, 60, 50), (480, 480, 62, 70)]), 60.0),
        ("loudness_spread", Piece.of([(0, 480, 60, 50), (480, 480, 62, 70)]), 10.0),
        ("loudness_change", Piece.of([(0, 480, 60, 50), (480, 480, 62, 70)]), 20.0),
        ("loudness_in_chords", Piece.of([(0, 480, 60, 50), (0, 480, 62, 70)]), 20.0),
        ("instruments", Piece.of([(0, 9, 60, 80, 0), (0, 9, 62, 80, 40)]), 2.0),
        ("instrument_switches", Piece.of([(0, 9, 60, 80, 0), (99, 9, 62, 80, 40)]), 1.0),
        ("drum_share", Piece.of([(0, 9, 60), (0, 9, 36, 80, DRUMS)]), 0.5),
        ("mean_pitch", CHORDS, (60 + 64 + 67 + 60 + 65 + 69) / 6),
        ("pitch_range", MELODY, 12.0),
        ("pitch_entropy", MELODY, 3.0),
        ("scale_share", MELODY, 1.0),
        ("scale_gain", LOOP, 0.0),
        ("pitch_class_drift", LOOP, 0.0),
        ("top_interval", MELODY, 12 / 7),
        ("top_step_share", MELODY, 1.0),
        ("top_turns", MELODY, 0.0),
        ("top_repeats", Piece.of([(480 * i, 480, 60) for i in range(4)]), 1.0),
        ("top_leaps", Piece.of([(0, 480, 60), (480, 480, 67), (960, 480, 68)]), 0.5),
        ("bass_leaps", Piece.of([(0, 480, 60), (480, 480, 67), (960, 480, 68)]), 0.5),
        ("bass_repeats", CHORDS, 1.0),
        ("bass_step_share", MELODY, 1.0),
        ("gap_kinds", LOOP, 0.0),
        ("common_gap_share", LOOP, 1.0),
        ("common_gaps_share", LOOP, 1.0),
        ("gap_change", LOOP, 0.0),
        ("gap_change", Piece.of([(t, 9, 60) for t in (0, 480, 1440, 1920)]), 200 / 3),
        ("gap_ratio_kinds", LOOP, 0.0),
        ("simple_ratio_share", Piece.of([(t, 9, 60) for t in (0, 480, 1440, 2160)]), 0.5),
        ("pulse_clarity", LOOP, 1.0),
        ("consonance", CHORDS, 1.0),
        ("semitone_share", Piece.of([(0, 480, 60), (0, 480, 73)]), 1.0),
        ("whole_tone_share", Piece.of([(0, 480, 60), (0, 480, 70)]), 1.0),
        ("tritone_share", Piece.of([(0, 480, 60), (0, 480, 66)]), 1.0),
        ("fifth_and_fourth_share", CHORDS, 1 / 3),
        ("doubling", Piece.of([(0, 480, 60), (0, 480, 72)]), 1.0),
        ("classes_at_once", CHORDS, 3.0),
        ("chord_share", CHORDS, 1.0),
        ("chord_share", Piece.of([(0, 480, 60), (0, 480, 61), (0, 480, 62)]), 0.0),
        ("outer_gap", CHORDS, 8.0),
        ("top_supported", Piece.of([(0, 480, 60), (0, 480, 72)]), 1.0),
        ("harmony_change", CHORDS, 1 - 1 / 3),
        ("tune_heard_before", MELODY, 0.0),
        ("tune_heard_before", LOOP, 152 / 156),
        ("tune_heard_before_long", LOOP, 148 / 152),
        ("bass_heard_before", LOOP, 152 / 156),
        ("notes_heard_before", LOOP, 151 / 155),
        ("rhythm_heard_before", LOOP, 150 / 151),
        ("chords_heard_before", LOOP, 153 / 157),
        ("same_chord_again", CHORDS, 0.0),
        ("longest_repeat", LOOP, 156 / 160),
        ("copies_in_a_row", LOOP, 40.0),
        ("harmony_return", LOOP, 1.0),
        ("melody_return", LOOP, 1.0),
        ("rhythm_return", MELODY, 0.75),
    ],
)
def test_a_feature_of_music_made_by_hand(name, piece, expected):
    assert value(name, piece) == pytest.approx(expected, abs=1e-4)


def test_a_wandering_key_is_seen():
    assert value("scale_gain", MODULATING) > 0.1 > value("scale_gain", LOOP)
    assert value("pitch_class_drift", MODULATING) > 0.1
    assert value("key_changes", MODULATING) > value("key_changes", LOOP) == 0
    assert value("window_scale_share", MODULATING) > value("scale_share", MODULATING)
    assert value("window_key_clarity", MODULATING) > value("key_clarity", MODULATING)


def test_of_a_random_walk_less_returns_than_of_a_tune():
    for name in ("melody_return", "harmony_return", "tune_heard_before", "longest_repeat"):
        assert value(name, tune(1, bars=24)) > value(name, walk(1, 200)), name


def another_file(piece):
    """The same music in another file: resolution, tracks and doubled notes differ."""
    finer = piece.at_resolution(piece.ticks_per_beat * 4)
    notes = np.concatenate([finer.notes, finer.notes[::3]])
    notes["track"] = np.arange(len(notes)) % 3
    return finer.replace(notes=notes)


@pytest.mark.parametrize("piece", [tune(2), walk(2, 200), MODULATING], ids=["tune", "walk", "key"])
def test_no_feature_depends_on_how_the_file_was_written(piece):
    assert measure([another_file(piece)])[0] == pytest.approx(
        measure([piece])[0], nan_ok=True, abs=1e-9
    )


def test_writing_a_file_and_reading_it_changes_nothing():
    """Two tracks share keys that overlap, which one track of a file cannot say."""
    rng = np.random.default_rng(0)
    notes = walk(5, 120).notes.copy()
    notes["duration"] = 120 * rng.integers(1, 12, len(notes))
    notes["track"] = rng.integers(0, 2, len(notes))
    piece = Piece(notes)
    one_track = notes.copy()
    one_track["track"] = 0
    written = midi.read_bytes(midi.to_bytes(Piece(one_track)))
    assert not np.array_equal(written.notes["duration"], Piece(one_track).notes["duration"])
    before, after = measure([piece, written])
    assert value("restrike_share", piece) > 0.1
    assert after == pytest.approx(before, nan_ok=True, abs=1e-9)


def test_beats_do_not_matter_only_seconds_do():
    piece = tune(3)
    slow = piece.notes.copy()
    for name in ("start", "duration"):
        slow[name] //= 2
    other = piece.replace(notes=slow, tempos=np.array([(0, 1_000_000)], TEMPO))
    assert measure([other])[0] == pytest.approx(measure([piece])[0], nan_ok=True, abs=1e-6)


def test_an_onset_moved_by_ten_milliseconds_hardly_matters():
    """Encoders and players are no more exact."""
    piece = tune(4, bars=24)
    notes = piece.notes.copy()
    notes["start"] += np.random.default_rng(0).integers(0, 10, len(notes))  # up to 9 ms
    before, after = measure([piece, piece.replace(notes=notes)])
    for name, one, other in zip(FEATURES, before, after, strict=True):
        least = 5 if FEATURES[name].unit == "nPVI" else 0.12  # of 200
        assert one == pytest.approx(other, rel=0.1, abs=least, nan_ok=True), name


def test_any_music_has_numbers_or_nan_and_no_warning():
    empty, one = Piece(), Piece.of([(0, 480, 60)])
    drums = Piece.of([(480 * i, 240, 36, 80, DRUMS) for i in range(9)])
    values = measure([empty, one, drums, *(random_piece(seed, 300) for seed in range(5))])
    assert values.shape == (8, len(FEATURES)) and not np.isinf(values).any()
    assert math.isnan(value("mean_pitch", empty)) and value("drum_share", drums) == 1
    assert np.isfinite(values[3:]).all(1).any()


def test_notes_heard_as_one_are_one():
    doubled = Piece.of([(0, 480, 60), (5, 960, 60, 80, 0, 1), (480, 480, 64)])
    assert len(Chords.of(doubled).pitch) == 2
    assert value("restrike_share", doubled) == 0


def test_the_docs_have_every_feature_with_its_unit():
    page = (Path(__file__).parents[3] / "docs" / "statistics.md").read_text(encoding="utf-8")
    section = page.split("## Told")[1].split("## An example")[0]
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", section, re.MULTILINE)
    assert rows == [(name, each.unit or "0-1") for name, each in FEATURES.items()]

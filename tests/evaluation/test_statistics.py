"""Statistics of pieces, beside MusPy's and beside loops over ticks; distances between sets."""

import math
import re
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from howlkit.errors import DataError, OptionError
from howlkit.evaluation import statistics
from howlkit.evaluation.statistics import STATISTICS, features, set_distances, spread, tabulate
from howlkit.evaluation.statistics.distances import divergence
from howlkit.music import midi
from howlkit.music.piece import DRUMS, KEY_SIGNATURE, MAX_TICK, PEDAL, TIME_SIGNATURE, Piece
from tests.conftest import random_piece, tune, walk

# C4 for two beats, E4 for one of them, then C5; half a bar of silence after the first bar; a drum.
SMALL = Piece.of(
    [(0, 960, 60), (480, 480, 64), (960, 960, 72), (2880, 240, 62), (2880, 1, 38, 80, 0)]
)
DRUMMED = Piece.of([(t, 10, 38, 80, DRUMS) for t in (0, 120, 160, 480)])
EMPTY = Piece()


def in_key(piece, *keys):
    return piece.replace(key_signatures=np.array(list(keys), KEY_SIGNATURE))


def in_metre(piece, *signatures):
    return piece.replace(time_signatures=np.array(list(signatures), TIME_SIGNATURE))


def same(value, expected):
    return value == pytest.approx(expected, abs=1e-12, nan_ok=True)


# Metrics, by hand


def test_pitches_are_counted_without_drums():
    piece = Piece.of([(0, 9, 60), (0, 9, 72), (9, 9, 61), (9, 9, 61), (0, 9, 99, 80, DRUMS)])
    assert statistics.n_pitches_used(piece) == 3
    assert statistics.n_pitch_classes_used(piece) == 2
    assert statistics.pitch_range(piece) == 12
    assert statistics.pitch_entropy(piece) == 1.5  # 1/4, 1/4, 1/2
    assert statistics.pitch_class_entropy(piece) == 1.0


def test_polyphony_counts_pitches_that_sound_and_polyphony_rate_more_than_two_of_them():
    piece = Piece.of([(0, 100, 60), (50, 100, 60), (100, 100, 64), (100, 50, 67), (300, 100, 60)])
    # C 0..150 and 300..400, E 100..200, G 100..150
    assert same(statistics.polyphony(piece), (250 + 100 + 50) / 300)
    assert same(statistics.polyphony_rate(piece), 50 / 400)
    assert same(statistics.polyphony_rate(piece, threshold=1), 50 / 400)
    assert same(statistics.polyphony_rate(piece, threshold=0), 300 / 400)


def test_a_beat_is_filled_by_a_note_that_ends_on_it_and_one_more_is_counted():
    piece = Piece.of([(0, 480, 60), (3 * 480, 480, 60)])
    assert same(statistics.empty_beat_rate(piece), 1 / 5)
    assert same(statistics.empty_measure_rate(piece, measure_resolution=480), 1 / 5)
    assert statistics.empty_measure_rate(piece, measure_resolution=1920) == 0


def test_groove_is_what_neighbouring_bars_have_in_common():
    bars = [(0, 1, 60), (2, 1, 60), (4, 1, 60), (6, 1, 62), (8, 1, 60), (9, 1, 38, 80, DRUMS)]
    piece = Piece.of(bars, ticks_per_beat=1)
    # Onsets of the bars: 1010 1010 1100; there are 10 ticks and so three bars of four.
    assert same(statistics.groove_consistency(piece), 1 - (0 + 2) / (4 * 2))
    fine = piece.at_resolution(480)
    assert statistics.groove_consistency(fine) > 0.999
    assert same(statistics.groove_consistency(fine, steps_per_beat=1), 1 - (0 + 2) / (4 * 2))
    # A bar of a tick is at least a step: 1 0 1 0 1 0 1 0 1 1 0.
    tiny = statistics.groove_consistency(fine, measure_resolution=1, steps_per_beat=1)
    assert same(tiny, 1 - 9 / 10)


def test_onsets_go_to_the_nearest_step():
    late = Piece.of([(14, 50, 60), (1920 - 15, 50, 60), (3840, 1, 60)])
    assert statistics.groove_consistency(late, steps_per_beat=16) == 1
    assert statistics.groove_consistency(late) < 1


def test_drums_are_in_a_pattern_on_subdivisions_of_the_beat():
    assert statistics.drum_in_pattern_rate(DRUMMED) == 3 / 4
    assert statistics.drum_in_pattern_rate(DRUMMED, meter="triple") == 3 / 4
    assert statistics.drum_pattern_consistency(DRUMMED) == 3 / 4
    # 10 ticks a beat have halves, but neither quarters nor thirds.
    coarse = Piece.of([(t, 1, 38, 80, DRUMS) for t in (0, 2, 5, 3)], ticks_per_beat=10)
    assert statistics.drum_in_pattern_rate(coarse) == 2 / 4
    assert statistics.drum_in_pattern_rate(coarse, meter="triple") == 1 / 4


def test_a_scale_is_given_or_that_of_the_key_signature():
    g_major = Piece.of([(480 * i, 480, p) for i, p in enumerate((67, 69, 71, 72, 74, 76, 78, 77))])
    assert statistics.pitch_in_scale_rate(g_major, root=7, mode="major") == 7 / 8
    assert statistics.pitch_in_scale_rate(g_major, root=4, mode="minor") == 7 / 8
    assert statistics.pitch_in_scale_rate(in_key(g_major, (0, 1, 0))) == 7 / 8
    assert statistics.pitch_in_scale_rate(in_key(g_major, (0, 1, 1))) == 7 / 8  # E minor
    assert statistics.pitch_in_scale_rate(in_key(g_major, (0, -6, 0))) < 7 / 8
    # C major from the last note on, which is F; before a key is given the first one holds.
    assert statistics.pitch_in_scale_rate(in_key(g_major, (480, 1, 0), (7 * 480, 0, 0))) == 1
    assert math.isnan(statistics.pitch_in_scale_rate(g_major))
    assert statistics.scale_consistency(g_major) == 7 / 8


def test_bars_are_those_of_the_metre_that_holds_longest():
    assert statistics.bar_ticks(SMALL) == 1920
    assert statistics.bar_ticks(in_metre(SMALL, (0, 3, 4))) == 1440
    upbeat = in_metre(SMALL, (0, 1, 4), (480, 3, 4), (3100, 4, 4), (9999, 2, 4))
    assert statistics.bar_ticks(upbeat) == 1440
    assert statistics.bar_ticks(in_metre(SMALL, (3000, 2, 4))) == 1920
    assert (
        statistics.bar_ticks(in_metre(Piece.of([(0, 9, 60)], ticks_per_beat=1), (0, 1, 128))) == 1
    )
    three = in_metre(walk(0), (0, 3, 4))
    for metric in (statistics.groove_consistency, statistics.empty_measure_rate):
        assert metric(three) == metric(walk(0), measure_resolution=1440)


@pytest.mark.parametrize(
    ("metric", "options", "words"),
    [
        (statistics.pitch_in_scale_rate, {"root": 3}, "both"),
        (statistics.pitch_in_scale_rate, {"root": 12, "mode": "major"}, r"0 \(C\) \.\. 11"),
        (
            statistics.pitch_in_scale_rate,
            {"root": 0, "mode": "dorian"},
            "'dorian'; major and minor",
        ),
        (statistics.drum_in_pattern_rate, {"meter": "quintuple"}, "duple and triple"),
        (statistics.groove_consistency, {"measure_resolution": 0}, "1 or more"),
        (statistics.groove_consistency, {"steps_per_beat": 0}, "1 or more"),
        (statistics.empty_measure_rate, {"measure_resolution": -4}, "-4; 1 or more"),
    ],
)
def test_wrong_parameters_are_refused_with_what_is_allowed(metric, options, words):
    with pytest.raises(OptionError, match=words):
        metric(SMALL, **options)


ZERO = {"pitch_range", "n_pitches_used", "n_pitch_classes_used"}


def test_of_no_notes_counts_are_zero_and_all_else_is_undefined():
    values = {name: function(EMPTY) for name, function in STATISTICS.items()}
    assert {name for name, value in values.items() if value == 0} == ZERO
    assert all(math.isnan(value) for name, value in values.items() if name not in ZERO)
    assert all(np.isnan(function(EMPTY)).all() for function in statistics.FEATURES.values())


def test_drums_alone_have_a_time_and_no_pitch():
    values = {name: function(DRUMMED) for name, function in STATISTICS.items()}
    assert {name for name in ZERO if values[name] == 0} == ZERO
    assert values["polyphony_rate"] == values["empty_beat_rate"] == 0
    for name in ("polyphony", "scale_consistency", "pitch_entropy", "pitch_class_entropy"):
        assert math.isnan(values[name])
    assert math.isnan(statistics.pitch_in_scale_rate(DRUMMED, root=0, mode="major"))


def test_a_piece_of_two_thousand_million_ticks_costs_no_more_than_its_notes():
    rows = [(0, 1, 60), (MAX_TICK - 1, 1, 61), (5, MAX_TICK - 5, 127), (0, 1, 38, 80, DRUMS)]
    piece = Piece.of(rows, ticks_per_beat=1)
    functions = [*STATISTICS.values(), *statistics.FEATURES.values()]
    tracemalloc.start()
    try:
        values = [function(piece) for function in functions]
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert not any(np.isinf(value).any() for value in values)
    assert same(statistics.polyphony(piece), (MAX_TICK - 5 + 2) / (MAX_TICK - 5 + 1))


# Metrics, beside loops over ticks and beside MusPy

METRICS = {
    "pitch_range": {},
    "n_pitches_used": {},
    "n_pitch_classes_used": {},
    "polyphony": {},
    "polyphony_rate": {"threshold": 1},
    "pitch_in_scale_rate": {"root": 9, "mode": "minor"},
    "scale_consistency": {},
    "pitch_entropy": {},
    "pitch_class_entropy": {},
    "empty_beat_rate": {},
    "empty_measure_rate": {"measure_resolution": 1440},
    "groove_consistency": {"measure_resolution": 1440},
    "drum_in_pattern_rate": {"meter": "triple"},
    "drum_pattern_consistency": {},
}


def generated():
    """Pieces with chords, overlaps, drums, silences, odd resolutions and one note."""
    pieces = [random_piece(seed, ticks_per_beat=t) for seed, t in enumerate((480, 96, 24, 7, 1))]
    pieces += [random_piece(9, drums=False), random_piece(10, longest_gap=9000), walk(1), tune(2)]
    return [*pieces, SMALL, Piece.of([(0, 480, 60)]), Piece.of([(5000, 1, 60, 80, 3)])]


def piano_roll(piece):
    roll = np.zeros((piece.end, 128), bool)
    for start, duration, pitch, _, program, _ in piece.notes.tolist():
        if program != DRUMS:
            roll[start : start + duration, pitch] = True
    return roll


@pytest.mark.parametrize("piece", generated(), ids=lambda piece: piece.name or len(piece))
def test_edges_of_notes_say_what_ticks_say(piece):
    sounding = piano_roll(piece).sum(axis=1)
    assert same(statistics.polyphony(piece), sounding.sum() / (sounding > 0).sum())
    for threshold in (1, 2, 3):
        rate = statistics.polyphony_rate(piece, threshold=threshold)
        assert same(rate, (sounding > threshold).mean())
    for bar in (1, 7, 480, 1440):
        count = piece.end // bar + 1
        onsets, filled = np.zeros((count, bar), bool), np.zeros(count, bool)
        for start, duration in piece.notes[["start", "duration"]].tolist():
            onsets[divmod(start, bar)] = True
            filled[start // bar : (start + duration) // bar + 1] = True
        rate = statistics.empty_measure_rate(piece, measure_resolution=bar)
        assert same(rate, 1 - filled.mean())
        groove = (onsets[1:] == onsets[:-1]).mean() if count > 1 else math.nan
        assert same(statistics.groove_consistency(piece, measure_resolution=bar), groove)


@pytest.fixture(scope="module")
def muspy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports is not ours to mend
        return pytest.importorskip("muspy")


@pytest.mark.parametrize("piece", generated(), ids=lambda piece: piece.name or len(piece))
def test_muspy_gives_the_same_for_the_same_file(muspy, piece, save):
    path = save(midi.to_bytes(piece))
    theirs, ours = muspy.read_midi(path), midi.read(path)
    for name, options in METRICS.items():
        expected = getattr(muspy.metrics, name)(theirs, **options)
        assert same(getattr(statistics, name)(ours, **options), expected), name


def test_muspy_ends_a_piece_with_its_last_controller_and_we_with_its_last_note(muspy, save):
    held = walk(3).replace(pedals=np.array([(0, 200_000, 0)], PEDAL))
    path = save(midi.to_bytes(held))
    theirs = muspy.read_midi(path)
    late = muspy.metrics.empty_beat_rate(theirs)
    for track in theirs.tracks:
        track.annotations = []
    ours = statistics.empty_beat_rate(midi.read(path))
    assert late > 0.5 > ours and same(ours, muspy.metrics.empty_beat_rate(theirs))


def test_muspy_is_told_what_we_take_from_the_piece(muspy, save):
    piece = in_metre(in_key(walk(3), (0, -3, 1)), (0, 6, 8))
    path = save(midi.to_bytes(piece))
    theirs, ours = muspy.read_midi(path), midi.read(path)
    key, metrics = theirs.key_signatures[0], muspy.metrics
    expected = metrics.pitch_in_scale_rate(theirs, key.root, key.mode)
    assert same(statistics.pitch_in_scale_rate(ours), expected)
    assert same(statistics.groove_consistency(ours), metrics.groove_consistency(theirs, 1440))
    assert same(statistics.empty_measure_rate(ours), metrics.empty_measure_rate(theirs, 1440))


# Features of Yang and Lerch

LINES = Piece.of(
    # A dotted quarter, an eighth and a half note going C E G, below a line of two quarters, D C.
    [
        (0, 720, 60),
        (720, 240, 64),
        (960, 960, 67),
        (0, 480, 74, 80, 40, 1),
        (480, 480, 72, 80, 40, 1),
    ],
    bpm=60,
)


def test_numbers_of_yang_and_lerch():
    drummed = LINES.replace(notes=np.concatenate((LINES.notes, DRUMMED.notes)))
    for piece in (LINES, drummed):
        assert features.note_count(piece) == features.pitch_count(piece) == 5
        assert features.pitch_range(piece) == 14
        assert same(features.average_pitch_interval(piece), (4 + 3 + 2) / 3)
        assert same(
            features.average_inter_onset_interval(piece), 2.0 / 4
        )  # 960 ticks at 60 a minute


def test_histograms_of_yang_and_lerch():
    classes = features.pitch_class_histogram(LINES) * 2880
    assert same(classes[[0, 2, 4, 7]].tolist(), [720 + 480, 480, 240, 960])
    lengths = features.note_length_histogram(LINES) * 5
    assert same(lengths.tolist(), [0, 1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0])
    for feature in (features.pitch_class_histogram, features.note_length_histogram):
        assert same(feature(walk(0)).sum(), 1)


def test_transitions_are_counted_within_a_line():
    pitches = features.pitch_class_transition_matrix(LINES).reshape(12, 12)
    assert same([pitches[0, 4], pitches[4, 7], pitches[2, 0]], [1 / 3] * 3)
    lengths = features.note_length_transition_matrix(LINES).reshape(12, 12)
    assert same([lengths[6, 3], lengths[3, 1], lengths[2, 2]], [1 / 3] * 3)
    assert same([pitches.sum(), lengths.sum()], [1, 1])


def test_tracks_do_not_count():
    one_track = walk(4).notes.copy()
    tracks = one_track.copy()
    tracks["track"] = np.arange(len(tracks)) % 3
    for feature in statistics.FEATURES.values():
        assert same(feature(Piece(tracks)), feature(Piece(one_track)))


def test_a_length_is_the_nearest_one_with_a_name():
    beats = [*features.NOTE_LENGTHS, 9.0, 0.01, 1.1]
    piece = Piece.of([(4800 * i, round(480 * b), 60) for i, b in enumerate(beats)])
    counts = features.note_length_histogram(piece) * len(beats)
    expected = np.ones(12)
    expected[[0, 4, 2]] += 1  # longer than all: whole; shorter than all: 16th; 1.1: quarter
    assert same(counts.tolist(), expected.tolist())


def test_one_note_has_no_transitions():
    one = Piece.of([(0, 480, 60)])
    names = {n for n, f in statistics.FEATURES.items() if np.isnan(f(one)).any()}
    assert names == {
        "pitch_class_transition_matrix",
        "average_pitch_interval",
        "average_inter_onset_interval",
        "note_length_transition_matrix",
    }


# Distances between sets


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_two_samples_of_one_kind_overlap_and_are_not_apart(rng):
    for shape in ((80,), (80, 12)):
        found = set_distances(rng.normal(size=shape), rng.normal(size=shape))
        assert found.overlap > 0.9 and found.music_overlap > 0.9
        assert 0 <= found.kl < 0.05 and 0 <= found.music_kl < 0.05


def test_sets_far_apart_do_not_overlap(rng):
    found = set_distances(rng.normal(size=60), rng.normal(size=60) + 100)
    assert found.overlap < 1e-6 and found.music_overlap < 1e-6
    assert math.isfinite(found.kl) and found.kl > 10


def test_music_that_is_all_alike_differs_from_a_reference_of_many_kinds(rng):
    found = set_distances(0.1 * rng.normal(size=60), rng.normal(size=60))
    assert found.within_music.mean() < 0.2 * found.within_reference.mean()
    assert found.overlap > 2 * found.music_overlap


def test_each_pair_is_looked_at_once():
    found = set_distances(np.array([0.0, 1.0, 3.0, 7.0]), np.array([[10.0], [20.0]]))
    assert sorted(found.within_music) == [1, 2, 3, 4, 6, 7]
    assert found.within_reference.tolist() == [10]
    assert sorted(found.between) == [3, 7, 9, 10, 13, 17, 19, 20]
    vectors = set_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.zeros((2, 2)))
    assert vectors.within_music.tolist() == [5] and vectors.between.tolist() == [0, 0, 5, 5]


def test_swapping_the_sets_swaps_the_results(rng):
    a, b = rng.normal(size=(30, 3)), rng.normal(size=(20, 3)) + 1
    one, other = set_distances(a, b), set_distances(b, a)
    assert (one.overlap, one.kl) == pytest.approx((other.music_overlap, other.music_kl))
    assert sorted(one.between) == pytest.approx(sorted(other.between))


def test_overlap_is_symmetric_and_divergence_is_not(rng):
    first, second = rng.normal(size=50), 3 * rng.normal(size=50)
    (overlap, kl), (swapped, lk) = divergence(first, second), divergence(second, first)
    assert overlap == pytest.approx(swapped) and kl != pytest.approx(lk, rel=0.1)


def test_densities_are_those_of_scipy():
    # scipy 1.17.1: gaussian_kde of each, integrals over [-60, 60] by 1,000,001 points.
    first, second = np.array([0.0, 1.0, 1.5, 4.0, 9.0]), np.array([2.0, 2.5, 3.0, 8.0])
    assert divergence(first, second) == pytest.approx((0.811860, 0.197774), rel=1e-3)


def test_many_pairs_are_sampled_by_seed(rng):
    a, b = rng.normal(size=90), rng.normal(size=70)
    one = set_distances(a, b, most_pairs=500, seed=1)
    assert len(one.within_music) == len(one.within_reference) == len(one.between) == 500
    again, other = (set_distances(a, b, most_pairs=500, seed=seed) for seed in (1, 2))
    assert np.array_equal(one.between, again.between) and one.kl == again.kl
    assert not np.array_equal(one.between, other.between)
    all_pairs = set_distances(a, b)
    assert len(all_pairs.within_music) == 90 * 89 // 2 and len(all_pairs.between) == 90 * 70
    assert set(one.within_music) <= set(all_pairs.within_music)
    assert one.overlap == pytest.approx(all_pairs.overlap, abs=0.05)


def test_pairs_of_a_great_many_pieces_are_pairs_of_different_pieces():
    rows = np.arange(200_000.0)  # distances of 0 would be of a piece from itself
    found = set_distances(rows, rows, most_pairs=2000)
    assert found.within_music.min() > 0 and found.within_music.mean() == pytest.approx(
        2e5 / 3, rel=0.1
    )


@pytest.mark.parametrize(
    ("music", "reference", "overlap", "kl"),
    [
        ([3, 3, 3], [3, 3], 1, 0),  # all alike
        ([5, 5, 5], [3, 3, 3], 0, None),  # each alike, and apart
        ([1, 2], [1, 2], None, None),  # a single distance within
    ],
)
def test_sets_without_variety_have_defined_values(music, reference, overlap, kl):
    found = set_distances(np.array(music, float), np.array(reference, float))
    assert all(math.isfinite(v) and v >= 0 for v in (found.overlap, found.kl, found.music_kl))
    assert overlap is None or found.overlap == pytest.approx(overlap, abs=1e-6)
    assert kl is None or found.kl == kl


@pytest.mark.parametrize("few", [[], [1.0], [1.0, math.nan]])
def test_a_set_of_one_piece_has_no_distances(few):
    for arguments in ((few, [1.0, 2.0]), ([1.0, 2.0], few)):
        with pytest.raises(DataError, match="two or more"):
            set_distances(*map(np.array, arguments))


# Tables


def test_a_table_has_a_row_a_piece_and_asks_for_each_once():
    numbers, vectors = tabulate(
        (piece for piece in (tune(0), DRUMMED)), STATISTICS, statistics.FEATURES
    )
    assert list(numbers) == list(STATISTICS) and list(vectors) == list(statistics.FEATURES)
    assert numbers["polyphony"].shape == (2,) and math.isnan(numbers["polyphony"][1])
    assert vectors["pitch_class_transition_matrix"].shape == (2, 144)
    with pytest.raises(DataError, match="no pieces"):
        tabulate([], STATISTICS)


def test_a_spread_leaves_out_what_is_undefined():
    found = spread(np.array([math.nan, *range(11), math.nan]))
    assert (found.pieces, found.low, found.median, found.high) == (11, 1, 5, 9)
    assert spread(np.array([math.nan])).pieces == 0 and math.isnan(spread(np.array([])).median)


def test_the_example_of_the_docs_prints_what_they_show(capsys):
    page = (Path(__file__).parents[2] / "docs/statistics.md").read_text()
    example = page.split("## An example")[1]
    code, shown = re.findall(r"```(?:python)?\n(.*?)```", example, re.DOTALL)
    exec(compile(code, "docs/statistics.md", "exec"), {})
    assert capsys.readouterr().out == shown


def test_the_docs_name_every_statistic():
    page = (Path(__file__).parents[2] / "docs/statistics.md").read_text()
    page = page.split("## Told")[0]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(STATISTICS)

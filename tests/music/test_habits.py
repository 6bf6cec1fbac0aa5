"""Habits of pieces, against counts made by hand and by looking at every tick."""

import math

import numpy as np
import pytest

from howlkit.music import habits
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS


def random_piece(seed, notes=60, pitches=4):
    rng = np.random.default_rng(seed)
    return Piece.of(
        [
            (
                int(rng.integers(0, 120)),
                int(rng.integers(1, 20)),
                int(60 + rng.integers(pitches)),
                80,
                int(rng.choice([0, 1, DRUMS])),
                int(rng.integers(2)),
            )
            for _ in range(notes)
        ],
        ticks_per_beat=4,
    )


def test_a_key_is_struck_again_only_while_a_note_of_its_pitch_program_and_track_sounds():
    first = (0, 480, 60, 80, 0, 0)
    others = {
        "the same key": (240, 100, 60, 80, 0, 0),
        "where it ends": (480, 100, 60, 80, 0, 0),
        "at its onset": (0, 100, 60, 80, 0, 0),
        "another pitch": (240, 100, 61, 80, 0, 0),
        "another program": (240, 100, 60, 80, 1, 0),
        "another track": (240, 100, 60, 80, 0, 1),
    }
    struck = {
        what: int(habits.restrikes(Piece.of([first, note])).sum()) for what, note in others.items()
    }
    assert [what for what in others if struck[what]] == ["the same key", "at its onset"]
    drums = [(0, 480, 36, 80, DRUMS), (240, 480, 36, 80, DRUMS)]
    assert not habits.restrikes(Piece.of(drums)).any()


def test_a_long_note_sounds_on_below_a_short_one_of_its_key():
    piece = Piece.of([(0, 960, 60), (120, 120, 60), (480, 120, 60), (960, 120, 60)])
    assert habits.overlaps(piece).tolist() == [0, 840, 480, 0]


def test_keys_far_into_a_long_piece_do_not_touch_the_next_key():
    late = 2**31 - 100
    notes = [(late, 50, 60), (0, 10, 61), (late + 10, 50, 127, 80, 127, 65535)]
    assert habits.overlaps(Piece.of(notes)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_what_sounds_is_what_a_count_of_every_tick_says(seed):
    piece = random_piece(seed)
    rows = [
        (int(n["start"]), int(n["start"] + n["duration"]), int(n["program"]))
        for n in piece.notes
        if n["program"] != DRUMS
    ]
    counts = [sum(a <= tick < b for a, b, _ in rows) for tick in range(piece.end)]
    assert habits.sounding_at_onsets(piece).tolist() == [counts[a] for a, _, _ in rows]
    assert habits.most_sounding(piece) == max(counts)
    busy = sorted(count for count in counts if count)
    assert habits.typical_polyphony(piece) == busy[(len(busy) - 1) // 2]
    last = max(a for a, _, _ in rows)
    end = max(b for _, b, _ in rows)
    earlier = [b == end for a, b, _ in rows if a < last]
    assert habits.held_to_the_end(piece) == pytest.approx(np.mean(earlier))


@pytest.mark.parametrize("seed", range(20))
def test_restrikes_are_those_that_a_look_at_every_pair_finds(seed):
    piece = random_piece(seed)
    rows = piece.notes[["track", "program", "pitch", "start", "duration"]].tolist()
    expected = [
        key[1] != DRUMS
        and any(
            before[:3] == tuple(key) and before[3] <= start < before[3] + before[4]
            for before in rows[:n]
        )
        for n, (*key, start, _) in enumerate(rows)
    ]
    assert any(expected)
    assert habits.restrikes(piece).tolist() == expected


def test_lengths_in_seconds_follow_the_tempo():
    beats, seconds = habits.note_lengths(
        Piece.of([(0, 480, 60), (480, 240, 60), (0, 9, 36, 80, DRUMS)], bpm=30)
    )
    assert beats.tolist() == [1.0, 0.5] and seconds.tolist() == [2.0, 1.0]


def melody(pitches, *, step=120):
    return Piece.of([(step * n, step, int(pitch)) for n, pitch in enumerate(pitches)])


def brute_copies(piece):
    order = np.lexsort([piece.notes[name] for name in ("pitch", "program", "track", "start")])
    rows = [
        (int(start), int(pitch)) for start, pitch in piece.notes[["start", "pitch"]][order].tolist()
    ]
    moves = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(rows, rows[1:], strict=False)]
    most = 1.0
    for lag in range(8, 65):
        run = longest = 0
        for n in range(lag, len(moves)):
            run = run + 1 if moves[n] == moves[n - lag] else 0
            longest = max(longest, run)
        most = max(most, longest / lag + 1)
    return most


@pytest.mark.parametrize("length", [8, 9, 30, 64])
def test_copies_of_a_passage_are_counted(length):
    passage = np.random.default_rng(length).integers(40, 90, length)
    for copies in (1, 2, 5):
        piece = melody([*np.tile(passage, copies), passage[0]])
        assert habits.loop_copies(piece) == pytest.approx(copies, abs=0.4 if copies == 1 else 1e-9)
    once_more = melody([*np.tile(passage, 5), *passage[:2]])
    assert habits.loop_copies(once_more) == 5 + 1 / length > 5


def test_a_loop_is_of_intervals_and_times():
    tune = np.tile([60, 64, 67, 72, 67, 64, 62, 59], 6)
    assert habits.loop_copies(melody(tune)) == 5.875  # 39 moves, eight notes later
    higher_each_time = melody(tune + np.repeat(range(6), 8))
    assert habits.loop_copies(higher_each_time) == 5.875
    notes = melody(tune).notes.copy()
    notes["start"] += np.arange(48, dtype=np.int32) ** 2
    assert habits.loop_copies(Piece(notes)) == 1  # ever slower


def test_one_note_struck_again_and_again_is_a_loop_and_a_loop_of_two_notes_is():
    assert habits.loop_copies(melody([60] * 41)) == 5.0
    assert habits.loop_copies(melody([60, 62] * 100)) > 5
    assert habits.loop_copies(melody(range(30, 60))) > 3  # a scale: the same move throughout


@pytest.mark.parametrize("seed", range(10))
def test_loops_are_those_that_a_look_at_every_move_finds(seed):
    rng = np.random.default_rng(seed)
    notes = rng.integers(60, 62, rng.integers(5, 200))
    piece = melody(notes, step=int(rng.integers(1, 3)))
    assert habits.loop_copies(piece) == brute_copies(piece)


def test_a_piece_without_notes_has_no_habits():
    for piece in (Piece(), Piece.of([(0, 480, 36, 80, DRUMS)])):
        assert habits.loop_copies(piece) == 1.0 and habits.most_sounding(piece) == 0
        assert math.isnan(habits.typical_polyphony(piece))
        assert math.isnan(habits.held_to_the_end(piece))
        assert not habits.restrikes(piece).any() and len(habits.restrikes(piece)) == len(piece)
        assert [len(lengths) for lengths in habits.note_lengths(piece)] == [0, 0]

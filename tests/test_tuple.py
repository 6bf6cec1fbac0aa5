import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howlkit.builtin.tuple import Tuple
from howlkit.piece import DRUMS, NOTE, Piece
from howlkit.schema import END, START, STEP
from tests.conftest import random_piece

ENCODERS = [
    Tuple(),
    Tuple(programs=False),
    Tuple(clock="seconds"),
    Tuple(grid=12, durations=6, velocities=8),
    Tuple(clock="seconds", grid=50, longest_shift=8, velocities=127),
    Tuple(grid=7, longest_duration=3, velocities=1),
]
NAMES = [str(dataclasses.astuple(e)) for e in ENCODERS]


def random_steps(encoder, seed, length=80):
    """Steps drawn evenly from what the grammar allows, two rows at once."""
    rng = np.random.default_rng(seed)
    grammar, schema = encoder.grammar(2), encoder.schema
    rows = np.array([True, True])
    made = []
    for _ in range(length):
        step = schema.steps(2)
        for field in schema.decisions:
            allowed = grammar.allowed(field, step)
            if field.name == "mark":
                allowed[:, END] = False
            elif field.name.startswith("shift"):  # chords are where it gets hard
                allowed = allowed & (np.arange(field.n) < rng.choice([1, field.n]))
            weights = allowed / allowed.sum(1, keepdims=True)
            step[field.name] = [rng.choice(field.n, p=w) for w in weights]
        grammar.push(step, rows)
        made.append(step)
    return np.stack(made, axis=1), grammar


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_round_trip_stays_within_half_a_bin(encoder):
    piece = random_piece(3, notes=400)
    if not encoder.programs:
        melodic = piece.notes["program"] != DRUMS
        piece = piece.replace(notes=piece.notes[melodic])
    back = encoder.decode(encoder.encode(piece), like=piece)
    assert len(back) == len(piece)
    unit = encoder._grid
    clock = (
        (lambda p, t: p.seconds(t))
        if encoder.clock == "seconds"
        else (lambda p, t: np.asarray(t) / p.ticks_per_beat)
    )
    before, after = clock(piece, piece.notes["start"]), clock(back, back.notes["start"])
    assert np.abs(np.sort(before) - np.sort(after)).max() <= 0.5 / unit + 0.002
    # Compare notes as multisets by pitch: a chord's notes may change places within a grid step.
    lengths = clock(piece, piece.ends) - before
    expected = np.clip(lengths * unit, 1, encoder.longest_duration * unit)
    bins = encoder._lengths
    nearest = np.abs(np.log(expected[:, None] / bins)).min(1)
    half = np.log(bins[1:] / bins[:-1]).max() / 2
    assert nearest.max() <= half + 1e-9
    assert np.array_equal(np.sort(piece.notes["pitch"]), np.sort(back.notes["pitch"]))
    by_velocity = np.sort(piece.notes["velocity"]).astype(int)
    assert np.abs(by_velocity - np.sort(back.notes["velocity"])).max() <= 64 / encoder.velocities


def test_each_note_keeps_its_own_pitch_duration_and_velocity():
    notes = [
        (0, 480, 60, 100),
        (0, 960, 64, 50),
        (480, 240, 67, 80, 40),
        (1440, 120, 36, 90, DRUMS),
    ]
    back = Tuple(velocities=127).decode(Tuple(velocities=127).encode(Piece.of(notes)))
    columns = ["start", "duration", "pitch", "velocity", "program"]
    rows = [tuple(int(note[c]) for c in columns) for note in back.notes]
    assert rows == [(*n[:4], n[4] if len(n) > 4 else 0) for n in notes]


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_whatever_the_grammar_allows_decodes_and_is_the_only_spelling(encoder):
    steps, grammar = random_steps(encoder, seed=1)
    for row, now in zip(steps, grammar.now, strict=True):
        piece = encoder.decode(row)
        assert len(piece) == len(row)
        framed = encoder.schema.frame(row, end=True)
        assert np.array_equal(encoder.encode(piece), framed)
        last = piece.notes["start"][-1]
        clock = piece.seconds(last) if encoder.clock == "seconds" else last / piece.ticks_per_beat
        assert clock == pytest.approx(now, abs=0.002)


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_encoded_pieces_are_allowed_by_the_grammar(encoder):
    steps = encoder.encode(random_piece(5, notes=300, longest_gap=300))
    assert steps["mark"][0] == START and steps["mark"][-1] == END
    grammar = encoder.grammar(1)
    for t in range(1, len(steps)):
        step = steps[t : t + 1]
        for field in encoder.schema.decisions:
            if encoder.schema.active(field, step)[0]:
                assert grammar.allowed(field, step)[0, step[field.name][0]], (t, field)
        begun = grammar.push(step, np.array([True]))
        assert begun[0] == (step["mark"][0] == STEP)


@pytest.mark.parametrize("clock", ["beats", "seconds"])
def test_nothing_drifts_over_a_long_piece(clock):
    rng = np.random.default_rng(0)
    notes = np.zeros(20_000, NOTE)
    notes["start"] = np.cumsum(rng.integers(1, 500, len(notes)))  # off every grid
    notes["duration"], notes["pitch"], notes["velocity"] = 100, 60, 80
    piece = Piece(notes)
    encoder = Tuple(clock=clock)
    back = encoder.decode(encoder.encode(piece), like=piece)
    error = piece.seconds(notes["start"]) - back.seconds(back.notes["start"])
    assert np.abs(error).max() < 0.012  # half of 1/24 beat at 120 a minute is 0.0104 s


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
@pytest.mark.parametrize("size", [1, 7, 60])
def test_excerpts_side_by_side_are_the_whole(encoder, size):
    piece = random_piece(7, notes=300, longest_gap=300)  # chords are cut, and rounding reorders
    whole = encoder.encode(piece)
    parts = [encoder.encode(piece.excerpt(i, min(i + size, 300))) for i in range(0, 300, size)]
    assert np.array_equal(np.concatenate([whole[:1], *(part[1:] for part in parts)]), whole)
    begin = 1
    for part in parts:  # the row before is input only, and the one that stands before
        assert part[0] == whole[begin - 1]
        begin += len(part) - 1


def test_the_row_before_an_excerpt_is_right_behind_a_rolled_chord_and_a_rest():
    rolled = [(960, 100, 90), (962, 100, 60), (964, 100, 70)]
    piece = Piece.of([*rolled, (9600, 100, 50), (9602, 100, 55)])
    whole = Tuple().encode(piece)
    part = Tuple().encode(piece.excerpt(4, 5))  # both last notes stand at one position
    assert np.array_equal(part, whole[3:])


def test_common_note_values_are_met_exactly():
    lengths = set(Tuple()._lengths.tolist())
    for beats in (
        1 / 24,
        1 / 12,
        1 / 8,
        1 / 6,
        1 / 4,
        1 / 3,
        1 / 2,
        2 / 3,
        3 / 4,
        1,
        1.5,
        2,
        3,
        4,
        6,
    ):
        assert round(beats * 24) in lengths


def test_a_rest_longer_than_the_longest_shift_is_shortened():
    piece = Piece.of([(0, 480, 60), (480 * 1000, 480, 62)])
    back = Tuple(longest_shift=4).decode(Tuple(longest_shift=4).encode(piece))
    assert back.notes["start"][1] / back.ticks_per_beat == pytest.approx(4 - 1 / 24)


def test_programs_false_leaves_drums_out_and_plays_the_rest_on_one_piano():
    piece = Piece.of([(0, 480, 60, 80, 40), (0, 480, 36, 80, DRUMS), (480, 480, 62, 80, 12)])
    back = Tuple(programs=False).decode(Tuple(programs=False).encode(piece))
    assert back.notes["program"].tolist() == [0, 0]
    assert back.notes["pitch"].tolist() == [60, 62]


def test_an_empty_piece_is_a_start_and_an_end():
    steps = Tuple().encode(Piece())
    assert steps["mark"].tolist() == [START, END]
    assert len(Tuple().decode(steps)) == 0


def test_decode_takes_over_tempo_and_metre():
    piece = random_piece(1)
    back = Tuple().decode(Tuple().encode(piece), like=piece)
    assert np.array_equal(back.tempos, piece.tempos)
    assert back.seconds_long == pytest.approx(piece.seconds_long, rel=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2000), st.sampled_from(["beats", "seconds"]), st.integers(0, 10**6))
def test_any_resolution_round_trips_within_half_a_grid_step(ticks_per_beat, clock, seed):
    piece = random_piece(seed, notes=20, ticks_per_beat=ticks_per_beat, longest_gap=ticks_per_beat)
    encoder = Tuple(clock=clock)
    back = encoder.decode(encoder.encode(piece), like=piece)
    again = encoder.encode(back)
    assert np.array_equal(again, encoder.encode(piece))


def test_the_notes_of_a_chord_keep_their_order_at_the_end_of_time():
    """2^31 beats are more grid positions than fit beside the other parts of one sorting key."""
    last = 2**31 - 10
    piece = Piece.of([(0, 1, 60), (last, 1, 64), (last, 1, 67), (last, 1, 60)], ticks_per_beat=1)
    assert Tuple().encode(piece)["pitch"][1:-1].tolist() == [60, 60, 64, 67]

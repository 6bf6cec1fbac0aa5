import dataclasses
import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howlkit.builtin.encoders.shared import durations
from howlkit.builtin.encoders.tuple import encoder as module
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.encoders.tuple.grammar import PEDAL
from howlkit.errors import OptionError
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, MAX_TICK, NOTE
from howlkit.music.tables import PEDAL as PEDALS
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, START, STEP
from howlkit.training import setup
from howlkit.training.progress import Budget
from tests.conftest import random_piece

ENCODERS = [
    Tuple(),
    Tuple(programs=False),
    Tuple(clock="seconds"),
    Tuple(grid=12, durations=6, velocities=8),
    Tuple(clock="seconds", grid=50, longest_shift=8, velocities=127),
    Tuple(grid=7, longest_duration=3, velocities=1),
    Tuple(pitch="octave"),
    Tuple(tracks=3),
    Tuple(tracks=2, programs=False, grid=1000, durations=48),
    Tuple(pedals=True),
    Tuple(pedals=True, tracks=4, pitch="octave", programs=False, clock="seconds"),
    Tuple(pedals=True, tracks=64, longest_shift=1, grid=2, longest_duration=3, velocities=127),
]
NAMES = [str(dataclasses.astuple(e)) for e in ENCODERS]


def music(seed, notes=60, **options):
    """A random piece on several tracks, with pedals: close, overlapping, empty, out of order."""
    piece = random_piece(seed, notes, **options)
    rng = np.random.default_rng([seed, 1])
    table = piece.notes.copy()
    table["track"] = rng.integers(0, 5, notes)
    pedals = np.zeros(notes, PEDALS)
    pedals["start"] = rng.choice(piece.notes["start"], notes)
    pedals["start"] += rng.choice([0, 0, 1, 30], notes)
    pedals["duration"] = rng.choice([0, 1, 100, 900, 20_000], notes)
    pedals["track"] = rng.integers(0, 5, notes)
    return piece.replace(notes=table, pedals=pedals)


def random_steps(encoder, seed, length=80):
    """Steps drawn from what the grammar allows, two rows at once, which change places at times."""
    rng = np.random.default_rng(seed)
    grammar, schema = encoder.grammar(2), encoder.schema
    rows = np.array([True, True])
    made = []
    for _ in range(length):
        step = schema.steps(2)
        for field in schema.decisions:
            allowed = grammar.allowed(field, step)
            active = schema.active(field, step)
            assert allowed[active].any(axis=1).all()
            guess = step.copy()  # what is not decided yet may hold anything
            for later in schema.decisions[schema.decisions.index(field) :]:
                guess[later.name] = later.n - 1
            assert np.array_equal(grammar.allowed(field, guess)[active], allowed[active])
            if field.name == "mark":
                allowed[:, END] = False
            elif field.name.startswith("shift"):  # chords are where it gets hard
                allowed = allowed & (np.arange(field.n) < rng.choice([1, 1, 4, field.n]))
            elif field.name == "track" and rng.random() < 0.5:
                lowest = allowed.argmax(1)[:, None]
                allowed = allowed & (np.arange(field.n) <= lowest)
            for row in np.flatnonzero(active):
                step[field.name][row] = rng.choice(np.flatnonzero(allowed[row]))
        begun = grammar.push(step, rows)
        assert np.array_equal(begun, [len(encoder.decode(step[i : i + 1])) for i in (0, 1)])
        made.append(step)
        if rng.random() < 0.2:
            grammar = grammar.select(np.array([1, 0]))
            made = [before[::-1] for before in made]
    return np.stack(made, axis=1), grammar


@pytest.mark.parametrize("encoder", [e for e in ENCODERS if e.longest_shift > 1])
def test_round_trip_stays_within_half_a_bin(encoder):
    piece = music(3, notes=400)
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
@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_grammar_allows_decodes_and_is_the_only_spelling(encoder, seed):
    steps, grammar = random_steps(encoder, seed)
    for row, now in zip(steps, grammar.now, strict=True):
        piece = encoder.decode(row)
        assert len(piece) + len(piece.pedals) == len(row)
        framed = encoder.schema.frame(row, end=True)
        assert np.array_equal(encoder.encode(piece), framed)
        last = max(piece.notes["start"].max(initial=0), piece.pedals["start"].max(initial=0))
        assert encoder.ticks(row)[-1] == last
        clock = piece.seconds(last) if encoder.clock == "seconds" else last / piece.ticks_per_beat
        assert clock == pytest.approx(now, abs=0.002)


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_encoded_pieces_are_allowed_by_the_grammar(encoder):
    steps = encoder.encode(music(5, notes=300, longest_gap=300))
    assert steps["mark"][0] == START and steps["mark"][-1] == END
    grammar = encoder.grammar(1)
    for t in range(1, len(steps)):
        step = steps[t : t + 1]
        for field in encoder.schema.decisions:
            if encoder.schema.active(field, step)[0]:
                assert grammar.allowed(field, step)[0, step[field.name][0]], (t, field)
        begun = grammar.push(step, np.array([True]))
        assert begun[0] == len(encoder.decode(step))
    assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)


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
    piece = music(7, notes=300, longest_gap=300)  # chords are cut, and rounding reorders
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


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_durations_from_a_table_are_those_that_a_search_finds(encoder, monkeypatch):
    piece = music(4, notes=300)
    steps = encoder.encode(piece)
    monkeypatch.setattr(durations, "LONGEST_TABLE", 0)
    assert np.array_equal(encoder.encode(piece), steps)


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
    piece = music(seed, notes=20, ticks_per_beat=ticks_per_beat, longest_gap=ticks_per_beat)
    encoder = Tuple(clock=clock, pedals=True)
    back = encoder.decode(encoder.encode(piece), like=piece)
    again = encoder.encode(back)
    assert np.array_equal(again, encoder.encode(piece))


# What the defaults give must stay: runs that are trained depend on it.

DEFAULT_FIELDS = [
    ("shift", 64, "beat"),
    ("shift_fine", 24, "1/24 beat"),
    ("program", 129, "General MIDI program, 128: drums"),
    ("pitch", 128, "semitone"),
    ("duration", 71, "log-spaced beats"),
    ("velocity", 32, "4.0"),
]


def test_the_default_schema_is_what_it_was():
    fields = Tuple().schema.to_json()["fields"]
    assert [(f["name"], f["n"], f["unit"]) for f in fields] == DEFAULT_FIELDS
    assert all(f["ordered"] == (f["name"] != "program") and f["when"] is None for f in fields)
    assert not any(f["derived"] for f in fields) and {f["kind"] for f in fields} == {"class"}


def test_the_default_steps_are_what_they_were():
    steps = Tuple().encode(random_piece(3, notes=400))
    assert steps[:3].tolist() == [
        (START, 0, 0, 0, 0, 0, 0),
        (STEP, 0, 0, 40, 53, 16, 22),
        (STEP, 0, 3, 0, 20, 32, 5),
    ]
    digest = hashlib.sha256(steps.tobytes()).hexdigest()
    assert digest == "93d51d92c247bb6c645afc977b22c7d8e589f1c60d2070abda23f72af7f11112"
    seconds = Tuple(clock="seconds", programs=False).encode(random_piece(3, notes=400))
    digest = hashlib.sha256(seconds.tobytes()).hexdigest()
    assert digest == "9dee3a6305f5a272731a8accca1c57a0a41362b4fc1244951e2f887d08a73921"


# Octaves and semitones ------------------------------------------------------------------------


def test_octave_and_semitone_say_the_pitch():
    steps = Tuple(pitch="octave").encode(Piece.of([(0, 9, 0), (10, 9, 60), (20, 9, 127)]))
    assert steps["octave"][1:-1].tolist() == [0, 5, 10]
    assert steps["semitone"][1:-1].tolist() == [0, 0, 7]


def test_the_last_octave_ends_with_pitch_127():
    encoder = Tuple(pitch="octave")
    given = encoder.schema.steps(2)
    given["octave"] = [9, 10]
    allowed = encoder.grammar(2).allowed(encoder.schema["semitone"], given)
    assert allowed.sum(axis=1).tolist() == [12, 8]


# Tracks ---------------------------------------------------------------------------------------

THREE_PIANOS = [(0, 480, 72, 90, 0, 0), (0, 480, 60, 70, 0, 2), (0, 960, 67, 80, 0, 1)]


def test_tracks_of_one_program_stay_apart():
    piece = Piece.of(THREE_PIANOS)
    back = Tuple(tracks=3).decode(Tuple(tracks=3).encode(piece))
    assert dict(zip(back.notes["pitch"], back.notes["track"], strict=True)) == {72: 0, 67: 1, 60: 2}
    assert set(Tuple().decode(Tuple().encode(piece)).notes["track"]) == {0}


def test_the_last_track_takes_in_all_higher_ones():
    piece = Piece.of([*THREE_PIANOS, (0, 480, 50, 80, 0, 900)])
    back = Tuple(tracks=2).decode(Tuple(tracks=2).encode(piece))
    assert len(back) == 4
    assert dict(zip(back.notes["pitch"], back.notes["track"], strict=True)) == {
        72: 0,
        67: 1,
        60: 1,
        50: 1,
    }


# Pedals ---------------------------------------------------------------------------------------


def with_pedals(*spans, notes=((0, 480, 60), (480, 480, 62), (960, 480, 64))):
    return Piece.of(notes).replace(pedals=np.array(list(spans), PEDALS))


def pedals_back(encoder, piece):
    back = encoder.decode(encoder.encode(piece), like=piece)
    scale = back.ticks_per_beat // piece.ticks_per_beat
    columns = (back.pedals["start"] // scale, back.pedals["duration"] // scale)
    return list(zip(*(c.tolist() for c in columns), back.pedals["track"].tolist(), strict=True))


@pytest.mark.parametrize("clock", ["beats", "seconds"])
def test_pedals_come_back(clock):
    piece = with_pedals((0, 480, 0), (480, 960, 0))
    assert pedals_back(Tuple(pedals=True, clock=clock, grid=24), piece) == [
        (0, 480, 0),
        (480, 960, 0),
    ]
    assert pedals_back(Tuple(clock=clock), piece) == []


def test_pedals_come_before_the_notes_at_their_onset():
    encoder = Tuple(pedals=True)
    steps = encoder.encode(with_pedals((480, 240, 0)))
    assert steps["kind"][1:-1].tolist() == [1, PEDAL, 1, 1]
    at = steps[2]
    assert all(at[name] == 0 for name in ("program", "pitch", "velocity"))
    assert len(encoder.decode(steps)) == 3


def test_a_pedal_ends_where_the_next_one_begins():
    encoder = Tuple(pedals=True)
    overlapping = with_pedals((0, 900, 0), (480, 480, 0))
    assert pedals_back(encoder, overlapping) == [(0, 480, 0), (480, 480, 0)]
    # 50 positions are nearest to 51, but the next pedal begins after 50.
    rounded = with_pedals((0, 1000, 0), (1000, 480, 0))
    assert pedals_back(encoder, rounded) == [(0, 960, 0), (1000, 480, 0)]


def test_of_pedals_that_begin_together_the_longest_stays():
    piece = with_pedals((0, 240, 0), (1, 960, 1), (0, 480, 3), (1, 0, 0))
    assert pedals_back(Tuple(pedals=True), piece) == [(0, 960, 0)]
    assert pedals_back(Tuple(pedals=True, tracks=3), piece) == [
        (0, 240, 0),
        (0, 960, 1),
        (0, 480, 2),
    ]


def test_a_pedal_is_cut_to_the_longest_duration_and_to_below_the_longest_shift():
    piece = with_pedals((0, 480 * 100, 0), (480 * 200, 480, 0))
    assert pedals_back(Tuple(pedals=True), piece)[0][1] == 480 * 16
    short = Tuple(pedals=True, longest_shift=4)
    first, second = pedals_back(short, piece)
    assert first[0] + first[1] <= second[0] < 480 * 8


def test_a_pedal_of_no_length_is_left_out():
    assert pedals_back(Tuple(pedals=True), with_pedals((0, 0, 0), (480, 1, 0))) == [(480, 20, 0)]


def test_pedals_without_any_note_are_steps():
    encoder = Tuple(pedals=True)
    steps = encoder.encode(with_pedals((480, 480, 0), notes=()))
    assert steps["mark"].tolist() == [START, STEP, END]
    assert len(encoder.decode(steps)) == 0 and len(encoder.decode(steps).pedals) == 1


def test_pedals_need_a_shift_that_parts_them():
    with pytest.raises(OptionError, match="raise one of them"):
        Tuple(pedals=True, grid=1, longest_shift=1)


def test_an_excerpt_needs_few_of_the_pedals(monkeypatch):
    """Those outside cost their position and no more."""
    spans = [(480 * i, 400, 0) for i in range(1000)]
    piece = with_pedals(*spans, notes=[(480 * i, 400, 60) for i in range(1000)])
    looked_at = []
    near = module._pedals_around
    monkeypatch.setattr(
        module, "_pedals_around", lambda *a: looked_at.append(near(*a)) or looked_at[-1]
    )
    steps = Tuple(pedals=True).encode(piece.excerpt(500, 510))
    assert len(steps) == 21
    assert looked_at[0].stop - looked_at[0].start <= 10 + 2 + 17


# Hostile pieces -------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_a_piece_of_four_notes_over_two_thousand_million_ticks(encoder):
    rows = [(0, 1, 60), (0, MAX_TICK - 9, 60), (MAX_TICK - 2, 1, 60), (MAX_TICK - 1, 1, 60)]
    pedals = np.array([(0, MAX_TICK, 0), (MAX_TICK - 2, 1, 0)], PEDALS)
    for per_beat in (1, 480, 32767):
        piece = Piece.of(rows, ticks_per_beat=per_beat).replace(pedals=pedals)
        steps = encoder.encode(piece)
        assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_unisons_and_nested_notes_are_all_kept(encoder):
    piece = Piece.of([(0, 960, 60), (0, 960, 60), (0, 1, 60), (240, 100, 60), (240, 900, 60)])
    steps = encoder.encode(piece)
    assert len(encoder.decode(steps)) == 5
    assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)


# Every option, and a whole run ----------------------------------------------------------------

OTHER = {
    "clock": "seconds",
    "grid": 10,
    "longest_shift": 1,
    "longest_duration": 1,
    "durations": 3,
    "velocities": 5,
    "programs": False,
    "pitch": "octave",
    "tracks": 2,
    "pedals": True,
}


def test_every_option_changes_the_schema():
    assert set(OTHER) == {field.name for field in dataclasses.fields(Tuple)}
    seen = {json.dumps(Tuple(**{name: value}).schema.to_json()) for name, value in OTHER.items()}
    assert len(seen | {json.dumps(Tuple().schema.to_json())}) == len(OTHER) + 1


def test_a_run_with_all_of_it_trains_and_plays(tmp_path):
    for seed in range(12):
        midi.write(music(seed), tmp_path / f"{seed}.mid")
    options = {"pitch": "octave", "tracks": 3, "pedals": True}
    values = {"tuple": options, "lstm": {"hidden": 16}, "training": {"batch": 4}}
    plan = setup.TrainingPlan([tmp_path], values=values, budget=Budget(steps=3))
    trainer = setup.begin(plan, tmp_path / "run", device="cpu", tell=lambda line: None)
    trainer.train()
    encoder = trainer.recipe.encoder
    assert encoder == Tuple(**options)
    session = Session(
        make_runner(trainer.network, encoder.schema, trainer.recipe.model),
        encoder,
        rows=2,
        limit=Limit(notes=20, ends=False),
    )
    while not session.done.all():
        session.step()
    for row in (0, 1):
        assert len(session.piece(row)) == 20
        steps = session.steps[row, : session.lengths[row]]
        again = encoder.encode(session.piece(row))
        assert np.array_equal(again[:-1], steps)


def test_the_notes_of_a_chord_keep_their_order_at_the_end_of_time():
    """2^31 beats are more grid positions than fit beside the other parts of one sorting key."""
    last = 2**31 - 10
    piece = Piece.of([(0, 1, 60), (last, 1, 64), (last, 1, 67), (last, 1, 60)], ticks_per_beat=1)
    assert Tuple().encode(piece)["pitch"][1:-1].tolist() == [60, 60, 64, 67]


def test_pedals_are_steps_by_default_where_most_pieces_are_a_recorded_piano():
    pedals = np.zeros(1, PEDALS)
    pedals["duration"] = 960
    pedalled = Piece.of([(0, 480, 60)]).replace(pedals=pedals)
    dry, flute = Piece.of([(0, 480, 60)]), Piece.of([(0, 480, 60, 64, 73)])
    blown = pedalled.replace(notes=flute.notes)
    for pieces, expected in (
        ([pedalled, pedalled, dry], True),
        ([pedalled, dry], False),
        ([pedalled, blown, blown], False),
        ([], False),
    ):
        assert bool(Tuple(clock="seconds").fitted(pieces).pedals) is expected
        assert not Tuple().fitted(pieces).pedals  # beats: not a recording
        assert not Tuple(clock="seconds", pedals=False).fitted(pieces).pedals
    assert "kind" in Tuple(clock="seconds").fitted([pedalled]).schema.names

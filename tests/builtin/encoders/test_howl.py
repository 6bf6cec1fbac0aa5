import numpy as np
import pytest

from howlkit.builtin.encoders.howl import PITCHES, Howl
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, NOTE, TEMPO
from howlkit.sampling.limits import Limit
from howlkit.sampling.trained import Trained
from howlkit.schema import END, START, STEP
from howlkit.training import setup
from howlkit.training.progress import Budget
from tests.conftest import random_piece, tune, walk, write

ENCODERS = [Howl(), Howl(longest=1), Howl(longest=60)]
each = pytest.mark.parametrize("encoder", ENCODERS, ids=str)


def random_steps(encoder, seed, length=80, rows=3):
    """Steps that the grammar allows, most at one time; rows change places on the way."""
    rng = np.random.default_rng(seed)
    grammar, schema = encoder.grammar(rows), encoder.schema
    made = schema.steps(rows)[:, None]
    made["mark"] = START
    for t in range(length):
        step = schema.steps(rows)
        for field in schema.decisions:
            allowed = grammar.allowed(field, step)
            if field.name == "mark":
                allowed[:, END] = False
            elif field.name == "shift":  # chords are where it gets hard
                allowed &= np.arange(field.n) < rng.choice([1, 1, 3, field.n])
            else:
                crowded = np.cumsum(allowed, axis=1) <= rng.choice([1, 2, field.n])
                allowed &= crowded
            weights = allowed / allowed.sum(1, keepdims=True)
            step[field.name] = [rng.choice(field.n, p=w) for w in weights]
        assert grammar.push(step, np.ones(rows, bool)).tolist() == [1] * rows
        made = np.concatenate((made, step[:, None]), axis=1)
        if t % 7 == 0:
            order = rng.integers(0, rows, rows)
            grammar, made = grammar.select(order), made[order]
    return made, grammar


@each
@pytest.mark.parametrize("like", [None, random_piece(2)], ids=["plain", "tempi"])
def test_whatever_the_grammar_allows_is_the_only_spelling_of_what_it_decodes_to(encoder, like):
    for seed in range(3):
        made, grammar = random_steps(encoder, seed)
        for row, now in zip(made, grammar.now, strict=True):
            piece = encoder.decode(row, like=like)
            assert len(piece) == len(row) - 1
            assert np.array_equal(encoder.encode(piece), encoder.schema.frame(row[1:], end=True))
            assert piece.seconds(piece.notes["start"][-1]) == pytest.approx(now, abs=0.002)
            assert encoder.ticks(row, like=like)[-1] == piece.notes["start"][-1]


@each
def test_the_grammar_allows_what_encode_returns(encoder):
    steps = encoder.encode(random_piece(5, notes=300, longest_gap=300))
    assert steps["mark"][0] == START and steps["mark"][-1] == END
    grammar = encoder.grammar(1)
    for t in range(1, len(steps)):
        step = steps[t : t + 1]
        for field in encoder.schema.decisions:
            if encoder.schema.active(field, step)[0]:
                assert grammar.allowed(field, step)[0, step[field.name][0]], (t, field)
        assert grammar.push(step, np.array([True]))[0] == (step["mark"][0] == STEP)


@each
@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("gap", [3, 300, 9000])
def test_excerpts_side_by_side_are_the_whole(encoder, size, gap):
    for seed in range(3):
        piece = random_piece(seed, notes=300, longest_gap=gap)
        whole, begin = encoder.encode(piece), 1
        for first in range(0, 300, size):
            part = encoder.encode(piece.excerpt(first, min(first + size, 300)))
            assert np.array_equal(part, whole[begin - 1 : begin - 1 + len(part)])
            begin += len(part) - 1
        assert begin == len(whole)


def test_a_note_is_the_time_since_the_last_its_pitch_duration_and_volume():
    notes = [(480, 960, 60, 127), (960, 48, 64, 1), (1080, 1, 127, 64)]  # half a second a beat
    steps = Howl().encode(Piece.of(notes))[1:-1]
    fields = Howl().schema
    assert fields.names == ("shift", "pitch", "duration", "volume")
    assert fields["shift"].values(steps["shift"]).tolist() == pytest.approx([0.5, 0.5, 0.13])
    assert steps["pitch"].tolist() == [60, 64, 115]
    assert fields["duration"].values(steps["duration"]).tolist() == pytest.approx([1, 0.05, 0])
    volume = fields["volume"].values(steps["volume"])
    assert volume.tolist() == pytest.approx([1, 1 / 127, 64 / 127])
    back = Howl().decode(Howl().encode(Piece.of(notes)))
    assert back.notes["velocity"].tolist() == [127, 1, 64]


def test_only_the_ninth_octave_comes_down_and_keeps_its_semitone():
    piece = Piece.of([(0, 480, pitch) for pitch in range(128)])
    pitches = np.sort(Howl().decode(Howl().encode(piece)).notes["pitch"])
    assert pitches.tolist() == sorted([*range(PITCHES), *range(108, 116)])


def test_no_shift_is_negative_and_ties_of_rounded_starts_go_by_pitch():
    piece = Piece.of([(0, 480, 70), (3, 480, 60), (4, 480, 50)])  # about 1 ms a tick
    steps = Howl().encode(piece)[1:-1]
    assert steps["pitch"].tolist() == [50, 60, 70] and not steps["shift"].any()
    for seed in range(5):
        shifts = Howl().encode(random_piece(seed, longest_gap=12))["shift"]
        assert shifts.max() <= 2  # a negative one would be 65,000


def test_notes_of_all_tracks_and_drums_are_of_one_list():
    piece = Piece.of([(0, 480, 60, 80, 40, 3), (480, 480, 36, 90, DRUMS, 9)])
    back = Howl().decode(Howl().encode(piece)).notes
    assert back["pitch"].tolist() == [60, 36]
    assert back["program"].tolist() == back["track"].tolist() == [0, 0]


def test_what_is_longer_than_longest_is_cut_to_it():
    piece = Piece.of([(0, 480 * 100, 60), (480 * 100, 480, 62)])
    for seconds in (1, 4, 60):
        back = Howl(longest=seconds).decode(Howl(longest=seconds).encode(piece))
        assert back.seconds(back.notes["start"])[1] == min(seconds, 50)
        assert back.seconds(back.ends[:1])[0] == min(seconds, 50)


def test_two_equal_notes_at_one_time_both_stay():
    piece = Piece.of([(0, 480, 60), (0, 480, 60), (0, 960, 60)])
    assert len(Howl().decode(Howl().encode(piece))) == 3


def test_an_empty_piece_is_a_start_and_an_end():
    steps = Howl().encode(Piece())
    assert steps["mark"].tolist() == [START, END]
    assert len(Howl().decode(steps)) == 0


def test_long_and_slow_pieces_stay_in_order():
    long = Piece.of([(i * 480 * 1000, 480, 60 + i % 7) for i in range(1000)])  # 1e6 beats
    assert len(Howl().decode(Howl().encode(long))) == 1000
    notes = np.zeros(100, NOTE)
    notes["start"] = np.linspace(0, 2**31 - 5, 100).astype(int)
    notes["duration"], notes["pitch"], notes["velocity"] = 1, 60, 80
    slow = Piece(notes, ticks_per_beat=1, tempos=np.array([(0, 2**24 - 1)], TEMPO))
    steps = Howl().encode(slow)
    assert (steps["shift"][2:-1] <= 400).all() and len(steps) == 102


def test_decode_takes_over_tempo_and_metre():
    piece = random_piece(1)
    back = Howl().decode(Howl().encode(piece), like=piece)
    assert np.array_equal(back.at_resolution(480).tempos, piece.tempos)
    assert back.seconds_long == pytest.approx(piece.seconds_long, abs=0.02)


def test_nothing_drifts_over_a_long_piece():
    rng = np.random.default_rng(0)
    notes = np.zeros(20_000, NOTE)
    notes["start"] = np.cumsum(rng.integers(1, 500, len(notes)))
    notes["duration"], notes["pitch"], notes["velocity"] = 100, 60, 80
    piece = Piece(notes)
    back = Howl().decode(Howl().encode(piece), like=piece)
    error = piece.seconds(notes["start"]) - back.seconds(back.notes["start"])
    assert np.abs(error).max() < 0.0065


@pytest.mark.parametrize(
    "heads", [{}, {"chained": False, "real": "squared"}], ids=["default", "howl"]
)
def test_a_network_trains_on_it_and_plays_it(tmp_path, heads):
    for number in range(6):
        write(tune(number, bars=4), tmp_path / "music" / f"{number}.mid")
        write(walk(number, 40), tmp_path / "music" / f"w{number}.mid")
    values = {
        "lstm": {"hidden": 16},
        "heads": heads,
        "training": {"batch": 4, "window": 16},
    }
    plan = setup.TrainingPlan(
        [tmp_path / "music"], encoder="howl", values=values, budget=Budget(steps=3)
    )
    setup.begin(plan, tmp_path / "run", device="cpu", tell=lambda line: None).train()
    trained = Trained.from_pretrained(tmp_path / "run")
    session = trained.session(rows=2, seed=1, limit=Limit(ends=False))
    session.prompt([tune(20, bars=1)] * 2)
    for _ in range(20):
        session.step()
    encoder = trained.recipe.encoder
    for row in session.steps:
        framed = encoder.schema.frame(row[1:], end=True)
        assert np.array_equal(encoder.encode(encoder.decode(row)), framed)
        assert len(encoder.decode(row)) == session.lengths[0] - 1

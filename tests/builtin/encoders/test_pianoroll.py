import dataclasses

import numpy as np
import pytest

from howlkit.builtin.encoders.pianoroll import encoder as pianoroll
from howlkit.builtin.encoders.pianoroll.encoder import MOST_SLICES, Pianoroll
from howlkit.builtin.encoders.shared import slices
from howlkit.errors import OptionError
from howlkit.music import chorales
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, TEMPO, TIME_SIGNATURE
from howlkit.sampling.decoding import accepts
from howlkit.sampling.limits import Limit
from howlkit.sampling.trained import Trained
from howlkit.schema import END, START, STEP
from howlkit.training import setup
from howlkit.training.progress import Budget
from tests.conftest import random_piece, tune, walk, write

ENCODERS = [
    Pianoroll(),
    Pianoroll(onsets=False),
    Pianoroll(grid=1, onsets=False, longest_rest=4),
    Pianoroll(grid=1, longest_rest=5),
    Pianoroll(clock="seconds"),
    Pianoroll(clock="seconds", grid=7, onsets=False, low=60, high=71),
    Pianoroll(grid=6, velocities=5, longest_rest=4),
    Pianoroll(grid=12, low=0, high=127, velocities=127, position=False),
    Pianoroll(clock="seconds", grid=1, velocities=2, longest_rest=4),
]
NAMES = [str(dataclasses.astuple(e)) for e in ENCODERS]
each = pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)


def metres(*rows):
    return np.array(list(rows), TIME_SIGNATURE)


WALTZ = Piece(time_signatures=metres((0, 3, 4), (480 * 9, 7, 8), (480 * 30, 12, 8)))


def random_steps(encoder, seed, like=None, length=60, rows=3):
    """Steps that the grammar allows, many of them silent or full; rows change places on the way."""
    rng = np.random.default_rng(seed)
    grammar, schema = encoder.grammar(rows, like=like), encoder.schema
    start = schema.steps(rows)
    start["mark"] = START
    for field in schema.derived:
        start[field.name] = grammar.derived(field)
    made = start[:, None]
    for t in range(length):
        step = schema.steps(rows)
        often = rng.choice([0.02, 0.2, 0.9])
        for field in schema.decisions:
            draw(rng, grammar, schema, field, step, often)
        begun = grammar.push(step, np.ones(rows, bool))
        for field in schema.derived:
            step[field.name] = grammar.derived(field)
        made = np.concatenate((made, step[:, None]), axis=1)
        assert begun.tolist() == notes_begun(encoder, made, like)
        if t % 7 == 0:
            order = rng.integers(0, rows, rows)
            grammar, made = grammar.select(order), made[order]
    return made, grammar


def notes_begun(encoder, made, like):
    tick = encoder.ticks(made[0], like=like)[-1]
    return [int((encoder.decode(row, like=like).notes["start"] == tick).sum()) for row in made]


def draw(rng, grammar, schema, field, step, often):
    active = schema.active(field, step)
    if field.kind != "bits":
        allowed = grammar.allowed(field, step)
        assert allowed[active].any(axis=1).all()
        if field.name == "mark":
            allowed[:, END] = False
        weights = allowed / np.maximum(allowed.sum(1, keepdims=True), 1)
        drawn = [rng.choice(field.n, p=w) if w.any() else 0 for w in weights]
        step[field.name] = np.where(active, drawn, 0)
        return
    for row in np.flatnonzero(active):
        lowest = 0
        while True:
            allowed = np.flatnonzero(grammar.allowed(field, step)[row])
            allowed = allowed[allowed >= lowest]
            assert len(allowed)
            none = allowed[-1] == field.n and (len(allowed) == 1 or rng.random() > often)
            bit = field.n if none else rng.choice(allowed)
            if bit == field.n:
                break
            step[field.name][row, bit] = 1
            lowest = bit + 1


def ended(encoder, row):
    """A row of steps as a piece that ends with its last sound."""
    sounds = np.zeros(len(row), bool)
    for field in encoder.schema.fields:
        if field.kind == "bits":
            sounds |= row[field.name].any(axis=1)
    row = row[: np.flatnonzero(sounds)[-1] + 1] if sounds.any() else row[:1]
    end = row[-1:].copy()
    for field in encoder.schema.decisions:
        end[field.name] = 0
    end["mark"] = END
    return np.concatenate((row, end))


@each
@pytest.mark.parametrize("like", [None, WALTZ, random_piece(2)], ids=["plain", "waltz", "tempi"])
def test_whatever_the_grammar_allows_is_the_only_spelling_of_what_it_decodes_to(encoder, like):
    made, _ = random_steps(encoder, seed=1, like=like)
    for row in made:
        steps = ended(encoder, row)
        piece = encoder.decode(steps, like=like)
        assert np.array_equal(encoder.encode(piece), steps)


@each
def test_the_grammar_allows_what_encode_returns_and_stands_where_decode_puts_it(encoder):
    for seed, gap in [(5, 300), (6, 20_000)]:
        piece = random_piece(seed, 200, longest_gap=gap)
        steps = encoder.encode(piece)
        assert steps["mark"][0] == START and steps["mark"][-1] == END
        back = encoder.decode(steps, like=piece)
        ticks = encoder.ticks(steps, like=piece)
        unit = back.seconds(ticks) if encoder.clock == "seconds" else ticks / back.ticks_per_beat
        grammar, begun = encoder.grammar(1, like=piece), 0
        for t in range(len(steps)):
            step = steps[t : t + 1]
            if t:
                for field in encoder.schema.decisions:
                    if encoder.schema.active(field, step)[0]:
                        assert accepts(grammar, field, step)[0], (t, field)
                begun += grammar.push(step, np.array([True]))[0]
            assert grammar.now[0] == pytest.approx(unit[t], abs=0.002)
            for field in encoder.schema.derived:
                assert grammar.derived(field)[0] == step[field.name][0]
        assert begun == len(back) > 0


@each
@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("gap", [40, 300, 9000])
def test_excerpts_side_by_side_are_the_whole(encoder, size, gap):
    piece = random_piece(7, notes=300, longest_gap=gap)
    piece = piece.replace(time_signatures=metres((0, 3, 4), (9000, 255, 4), (90_000, 5, 8)))
    check_excerpts(encoder, piece, size)


@each
def test_excerpts_that_drums_alone_fill_and_fast_ones_too(encoder):
    for seed in range(4):
        piece = random_piece(seed, notes=150, longest_gap=3000)
        notes = piece.notes.copy()
        notes["program"][30:60] = DRUMS
        notes["program"][130:] = DRUMS
        notes["duration"][::2] = 1 + notes["duration"][::2] // 20
        fast = np.array([(0, 500_000), (40_000, 900)], TEMPO)
        check_excerpts(encoder, piece.replace(notes=notes, tempos=fast), 1)
        notes["program"][:20] = DRUMS
        check_excerpts(encoder, piece.replace(notes=notes), 5)


def check_excerpts(encoder, piece, size):
    whole, count = encoder.encode(piece), len(piece)
    begin = 1
    for first in range(0, count, size):
        part = encoder.encode(piece.excerpt(first, min(first + size, count)))
        assert np.array_equal(part, whole[begin - 1 : begin - 1 + len(part)]), first
        begin += len(part) - 1
    assert begin == len(whole)


def rows(steps, name):
    """The keys of each step, as MIDI pitches of the default range."""
    return [(np.flatnonzero(row) + 21).tolist() for row in steps[name][1:-1]]


@each
def test_the_steps_are_the_same_where_more_sounds_than_is_marked_at_once(encoder, monkeypatch):
    pieces = [random_piece(seed, notes=200, longest_gap=60) for seed in range(5)]
    pieces += [piece.excerpt(50, 130) for piece in pieces]
    steps = [encoder.encode(piece) for piece in pieces]
    monkeypatch.setattr(slices, "MOST_MARKED", 0)
    for piece, expected in zip(pieces, steps, strict=True):
        assert np.array_equal(encoder.encode(piece), expected)


@each
def test_a_rest_is_shortened_only_if_nothing_sounds_in_it(encoder):
    rest = 4 * 480 * (encoder.longest_rest + 2)
    lone = [(0, 480, 60), (rest, 480, 62)]
    drone = [(0, rest, 48)]
    piece, filled = Piece.of(lone), Piece.of(lone + drone)
    starts = [encoder.decode(encoder.encode(p)) for p in (piece, filled)]
    after = [decoded.seconds(decoded.notes["start"][-1]) for decoded in starts]
    assert after[0] < after[1] == pytest.approx(piece.seconds(rest))


def test_a_repeated_note_is_no_long_one():
    twice = Pianoroll().encode(Piece.of([(0, 240, 60), (240, 240, 60)]))
    assert rows(twice, "onset") == [[60], [], [60], []]
    assert rows(twice, "held") == [[], [60], [], [60]]
    back = Pianoroll().decode(twice).notes
    assert back[["start", "duration"]].tolist() == [(0, 240), (240, 240)]
    joined = Pianoroll(onsets=False).encode(Piece.of([(0, 240, 60), (240, 240, 60)]))
    assert Pianoroll(onsets=False).decode(joined).notes["duration"].tolist() == [480]


def test_notes_on_one_key_follow_each_other_until_the_last_of_them_ends():
    nested = Piece.of([(0, 1200, 60), (360, 240, 60), (0, 120, 60), (1200, 10, 60)])
    back = Pianoroll().decode(Pianoroll().encode(nested)).notes
    expected = [(0, 360), (360, 840), (1200, 120)]
    assert back[["start", "duration"]].tolist() == expected


def test_a_note_off_the_grid_goes_to_the_nearest_slice_and_lasts_at_least_one():
    piece = Piece.of([(59, 1, 60), (60, 1, 62), (179, 1, 64), (181, 300, 66)])
    assert rows(Pianoroll().encode(piece), "onset") == [[60], [62, 64], [66], []]


def test_without_onsets_a_key_is_on_where_it_sounds_at_the_beginning_of_a_slice():
    encoder = Pianoroll(grid=1, onsets=False)
    sixteenths = [(0, 120, 60), (120, 120, 62), (240, 240, 64), (480, 240, 65), (720, 240, 67)]
    assert rows(encoder.encode(Piece.of(sixteenths)), "keys") == [[60], [65], [67]]
    late = [(50, 480, 60), (530, 430, 62)]  # an eighth of a slice is 60 ticks
    assert rows(encoder.encode(Piece.of(late)), "keys") == [[60], [62]]


def test_a_note_that_no_slice_meets_is_there_only_where_all_is_silent():
    encoder = Pianoroll(grid=1, onsets=False)
    piece = Piece.of([(0, 960, 60), (100, 50, 70), (1100, 50, 72), (2000, 10, 73)])
    assert rows(encoder.encode(piece), "keys") == [[60], [60], [], [72], [], [73]]


def test_quarter_slices_of_the_chorales_are_those_of_the_published_tables():
    """A table's slices: whatever sounds at the beginning of each quarter, each pitch once."""
    encoder = Pianoroll(grid=1, onsets=False)
    for piece in chorales.load()[:40]:
        starts, ends = piece.notes["start"], piece.ends
        beats = np.arange(piece.end // piece.ticks_per_beat) * piece.ticks_per_beat
        table = [np.unique(piece.notes["pitch"][(starts <= b) & (ends > b)]) for b in beats]
        found = rows(encoder.encode(piece), "keys")
        assert found[: len(table)] == [row.tolist() for row in table]


def test_a_table_of_slices_comes_back_as_it_was():
    rng = np.random.default_rng(0)
    encoder = Pianoroll(grid=1, onsets=False)
    table = rng.random((200, 88)) < rng.choice([0, 0.05, 0.3], (200, 1))
    table[-1, 3] = True
    at, key = np.nonzero(table)
    piece = Piece.of([(int(t) * 480, 480, int(k) + 21) for t, k in zip(at, key, strict=True)])
    steps = encoder.encode(piece)
    assert np.array_equal(steps["keys"][1:-1], table)
    again = encoder.encode(encoder.decode(steps))
    assert np.array_equal(again, steps)


def test_keys_outside_the_range_are_moved_into_it_by_octaves():
    piece = Piece.of([(0, 480, pitch) for pitch in (0, 20, 21, 108, 109, 127)])
    assert rows(Pianoroll().encode(piece), "onset")[0] == [21, 24, 32, 97, 103, 108]
    narrow = Pianoroll(low=60, high=71).decode(Pianoroll(low=60, high=71).encode(piece))
    assert narrow.notes["pitch"].tolist() == [60, 61, 67, 68, 69]
    with pytest.raises(OptionError, match="12 to hold an octave"):
        Pianoroll(low=60, high=70)


def test_drums_are_left_out_and_no_silence_is_left_where_they_were():
    piece = Piece.of([(0, 480, 36, 80, DRUMS), (960, 480, 60, 80, 40), (4800, 480, 36, 80, DRUMS)])
    steps = Pianoroll().encode(piece)
    assert rows(steps, "onset") == [[]] * 8 + [[60]] + [[]] * 3
    only = piece.replace(notes=piece.notes[piece.notes["program"] == DRUMS])
    assert Pianoroll().encode(only)["mark"].tolist() == [START, END]


def test_an_empty_piece_is_a_start_and_an_end():
    for encoder in ENCODERS:
        steps = encoder.encode(Piece())
        assert steps["mark"].tolist() == [START, END]
        assert len(encoder.decode(steps)) == 0


def test_the_loudness_of_a_slice_is_the_mean_of_what_is_struck_in_it():
    encoder = Pianoroll(velocities=127)
    piece = Piece.of([(0, 240, 60, 100), (0, 240, 60, 20), (0, 120, 64, 50), (480, 120, 65, 1)])
    steps = encoder.encode(piece)
    assert steps["loudness"][1:-1].tolist() == [75, 0, 0, 0, 1]
    assert encoder.decode(steps).notes["velocity"].tolist() == [75, 75, 1]
    assert set(Pianoroll().decode(Pianoroll().encode(piece)).notes["velocity"]) == {80}
    with pytest.raises(OptionError, match="needs onsets=true"):
        Pianoroll(velocities=4, onsets=False)


def test_position_says_where_the_next_slice_stands_in_its_bar():
    piece = Piece.of([(0, 480 * 6, 60)]).replace(time_signatures=metres((0, 3, 4), (1440, 3, 8)))
    steps = Pianoroll(grid=2).encode(piece)
    assert steps["position"].tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 1, 2, 0, 0]
    halves = Piece.of([(0, 480 * 8, 60)]).replace(time_signatures=metres((0, 7, 8)))
    assert Pianoroll(grid=1).encode(halves)["position"].tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 1, 1]
    assert "position" not in Pianoroll(clock="seconds").schema.names
    assert "position" not in Pianoroll(position=False).schema.names


def test_a_long_rest_is_shortened_by_whole_bars():
    piece = Piece.of([(1920 * 50 + 480, 480, 60), (1920 * 90 + 960, 480, 62)])
    encoder = Pianoroll(grid=1, longest_rest=6)
    back = encoder.decode(encoder.encode(piece)).notes["start"] / 480
    assert back.tolist() == [5, 10]  # 201 beats to 5, 159 to 4: the same place in a bar of 4
    seconds = Pianoroll(clock="seconds", longest_rest=4)
    back = seconds.decode(seconds.encode(piece))
    assert back.seconds(back.notes["start"]).tolist() == [4, 8.5]
    assert encoder.encode(piece)["position"].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 3]


@each
def test_hostile_pieces_cost_bounded_memory(encoder):
    far = Piece.of([(0, 2**31 - 1, 60), (2**31 - 3, 2, 61)] * 64, ticks_per_beat=1)
    spread = Piece.of([(i * 2**22, 1, 60 + i % 12) for i in range(500)], ticks_per_beat=480)
    for piece in (far, spread):
        steps = encoder.encode(piece)
        assert len(steps) <= MOST_SLICES + 2
        assert len(encoder.decode(steps)) > 0


def test_a_piece_of_a_million_beats_keeps_its_beginning():
    piece = Piece.of([(i * 48_000, 24_000, 60 + i % 5) for i in range(10_000)])
    encoder = Pianoroll(grid=1, longest_rest=64)
    back = encoder.decode(encoder.encode(piece))
    assert np.array_equal(back.notes[["start", "pitch"]], piece.notes[:300][["start", "pitch"]])


def test_the_grammar_ends_a_piece_at_the_most_there_can_be(monkeypatch):
    monkeypatch.setattr(pianoroll, "MOST_SLICES", 40)
    for encoder in ENCODERS:
        made, grammar = random_steps(encoder, seed=3, length=40)
        mark = encoder.schema["mark"]
        assert grammar.allowed(mark, encoder.schema.steps(3))[:, [STEP, END]].tolist() == (
            [[False, True]] * 3
        )
        for row in made:
            steps = ended(encoder, row)
            assert len(steps) == 42  # not silent at the end
            assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)


def test_decode_takes_over_tempo_and_metre():
    piece = random_piece(1).replace(time_signatures=metres((0, 3, 4)))
    back = Pianoroll().decode(Pianoroll().encode(piece), like=piece)
    assert np.array_equal(back.tempos, piece.tempos)
    assert np.array_equal(back.time_signatures, piece.time_signatures)
    assert abs(back.seconds_long - piece.seconds_long) < 0.2


@pytest.mark.parametrize("chained", [True, False])
@pytest.mark.parametrize("options", [{}, {"onsets": False, "grid": 1}, {"velocities": 4}])
def test_a_network_trains_on_it_and_plays_it(tmp_path, options, chained):
    for number in range(6):
        write(tune(number, bars=4), tmp_path / "music" / f"{number}.mid")
        write(walk(number, 40), tmp_path / "music" / f"w{number}.mid")
    values = {
        "pianoroll": options,
        "lstm": {"hidden": 16},
        "heads": {"chained": chained},
        "training": {"batch": 4, "window": 16},
    }
    plan = setup.TrainingPlan(
        [tmp_path / "music"], encoder="pianoroll", values=values, budget=Budget(steps=3)
    )
    setup.begin(plan, tmp_path / "run", device="cpu", tell=lambda line: None).train()
    trained = Trained.from_pretrained(tmp_path / "run")
    session = trained.session(rows=2, seed=1, limit=Limit(ends=False))
    session.prompt([tune(20, bars=1)] * 2)
    fed = session.lengths[0]
    for _ in range(20):
        session.step()
    encoder = trained.recipe.encoder
    for row in session.steps:
        assert np.array_equal(
            encoder.encode(encoder.decode(ended(encoder, row))), ended(encoder, row)
        )
    assert session.lengths.tolist() == [fed + 20] * 2

"""The events in bars: what they keep, that they have one spelling, and what the options do."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from howlkit.builtin.encoders.remi import layout
from howlkit.builtin.encoders.remi.encoder import Remi
from howlkit.builtin.encoders.remi.grammar import RemiGrammar
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.builtin.samplers import Autoregressive
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, NOTE, TEMPO, TIME_SIGNATURE
from howlkit.sampling.decoding import accepts
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, START, STEP
from tests.conftest import random_piece, tune

ENCODERS = [
    Remi(),
    Remi(programs=False),
    Remi(velocities=1, tempos=0),
    Remi(grid=7, longest_bar=4, longest_rest=0, durations=3, velocities=3, tempos=1),
    Remi(grid=1, longest_bar=5, longest_rest=2, longest_duration=3, programs=False),
    Remi(grid=24, velocities=127, tempos=48, durations=48),
]
NAMES = [str(dataclasses.astuple(e)) for e in ENCODERS]

METRES = [(4, 4), (3, 4), (7, 8), (12, 4), (255, 128), (1, 16), (5, 32), (6, 8)]


def eventful(seed, notes=200, **options):
    """A random piece whose tempo and metre change at random ticks too, some of them twice."""
    rng = np.random.default_rng(seed)
    piece = random_piece(seed, notes, **options)
    tempos, signatures = np.zeros(40, TEMPO), np.zeros(25, TIME_SIGNATURE)
    for table in (tempos, signatures):
        ticks = rng.choice(max(piece.end, 100), len(table), replace=False)
        table["tick"] = np.sort(np.where(rng.random(len(table)) < 0.3, ticks // 240 * 240, ticks))
    tempos["microseconds"] = rng.integers(200_000, 2_200_000, len(tempos))
    tempos["microseconds"][::3] = 500_000
    metres = rng.integers(len(METRES), size=len(signatures))
    signatures["numerator"], signatures["denominator"] = np.array(METRES)[metres].T
    tempos, signatures = (t[np.append(np.diff(t["tick"]) > 0, True)] for t in (tempos, signatures))
    return piece.replace(tempos=tempos, time_signatures=signatures)


def in_words(encoder, steps):
    """The events as people write them, such as "position 3" and "metre 3/4"."""
    names = encoder._events
    words = []
    for step in steps[steps["mark"] == STEP]:
        event = names[step["event"]]
        value = "" if event == "bar" else f" {step[event]}"
        if event == "metre":
            value = " {}/{}".format(*encoder._metres.all[step["metre"]])
        words.append(event + value)
    return words


def with_metres(piece, *metres):
    return piece.replace(time_signatures=np.array(list(metres), TIME_SIGNATURE))


def written(piece, **options):
    encoder = Remi(**{"velocities": 1, "tempos": 0, "grid": 4} | options)
    return in_words(encoder, encoder.encode(piece))


def note(pitch, length=3):
    return [f"pitch {pitch}", f"duration {length}"]


def random_steps(encoder, seed, length=300, rows=3):
    """Steps that the grammar allows, the extremes often, each row up to its last whole note."""
    rng = np.random.default_rng(seed)
    grammar, schema = encoder.grammar(rows), encoder.schema
    made, nows, begun = [], [], []
    for _ in range(length):
        step = schema.steps(rows)
        for field in schema.decisions:
            allowed, active = grammar.allowed(field, step), schema.active(field, step)
            if field.name == "mark":
                allowed[:, END] = False
            for row in np.flatnonzero(active):
                values = np.flatnonzero(allowed[row])
                few = values[: rng.choice([1, 2, len(values)])]
                step[field.name][row] = rng.choice([few[0], few[-1], rng.choice(values)])
        begun.append(grammar.push(step, np.ones(rows, bool)))
        for field in schema.derived:
            step[field.name] = grammar.derived(field)
        made.append(step)
        nows.append(grammar.now)
        grammar = grammar.select(np.arange(rows))
    steps, nows, begun = (np.stack(x, axis=1) for x in (made, nows, begun))
    for row in range(rows):
        stop = np.flatnonzero(begun[row])[-1] + 1
        yield steps[row, :stop], nows[row, :stop], int(begun[row, :stop].sum())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_whatever_the_grammar_allows_decodes_and_is_the_only_spelling(encoder, seed):
    for steps, nows, begun in random_steps(encoder, seed):
        piece = encoder.decode(steps)
        assert len(piece) == begun
        assert np.array_equal(encoder.ticks(steps) / piece.ticks_per_beat, nows)
        framed = encoder.encode(piece)
        assert in_words(encoder, framed) == in_words(encoder, steps)
        assert np.array_equal(framed[1:-1], steps)  # what is derived too
        for cut in range(0, len(steps), 7):
            assert set(map(tuple, encoder.decode(steps[:cut]).notes[["start", "pitch"]])) <= set(
                map(tuple, piece.notes[["start", "pitch"]])
            )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_encoded_pieces_are_allowed_by_the_grammar_which_derives_the_same(encoder, seed):
    steps = encoder.encode(eventful(seed, longest_gap=[300, 9000][seed % 2]))
    assert steps["mark"][0] == START and steps["mark"][-1] == END
    grammar, everywhere = encoder.grammar(1), np.array([True])
    for t in range(len(steps)):
        step = steps[t : t + 1]
        if t:
            for field in encoder.schema.decisions:
                if encoder.schema.active(field, step)[0]:
                    assert accepts(grammar, field, step)[0], (t, field, step)
            grammar.push(step, everywhere)
        for field in encoder.schema.derived:
            assert grammar.derived(field)[0] == step[field.name][0]


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("gap", [40, 300, 9000])
def test_excerpts_side_by_side_are_the_whole(encoder, size, gap):
    piece = eventful(7, notes=300, longest_gap=gap)
    whole = encoder.encode(piece)
    parts = [encoder.encode(piece.excerpt(i, min(i + size, 300))) for i in range(0, 300, size)]
    assert np.array_equal(np.concatenate([whole[:1], *(part[1:] for part in parts)]), whole)
    begin = 1
    for part in parts:
        assert part[0] == whole[begin - 1]
        begin += len(part) - 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_one_tempo_and_one_metre_take_the_same_steps_as_when_said_again(encoder, seed):
    piece = random_piece(seed, 100, longest_gap=[300, 9000][seed % 2]).replace(
        tempos=np.array([(0, 700_000)], TEMPO),
        time_signatures=np.array([(0, 3, 4)], TIME_SIGNATURE),
    )
    bar = 3 * piece.ticks_per_beat
    again = piece.replace(
        tempos=np.array([(0, 700_000), (bar, 700_000)], TEMPO),
        time_signatures=np.array([(0, 3, 4), (bar, 3, 4)], TIME_SIGNATURE),
    )
    for first, stop in ((0, 100), (0, 0), (0, 30), (40, 40), (40, 70), (70, 100)):
        some, other = (encoder.encode(p.excerpt(first, stop)) for p in (piece, again))
        assert np.array_equal(some, other)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_a_piano_takes_the_same_steps_up_to_where_other_instruments_come(encoder, seed):
    piece = eventful(seed, 100)
    notes = piece.notes.copy()
    notes["program"] = 0
    piano = piece.replace(notes=notes)
    guitar = np.array([(piece.end + 2 * piece.ticks_per_beat, 100, 60, 80, 27, 9)], NOTE)
    more = piano.replace(notes=np.concatenate((piano.notes, guitar)))
    steps = encoder.encode(piano)[:-1]
    assert np.array_equal(encoder.encode(more)[: len(steps)], steps)


@pytest.mark.parametrize("seed", range(4))
def test_changes_take_the_same_steps_written_one_by_one_or_as_a_column(monkeypatch, seed):
    piece = eventful(seed, 100)
    monkeypatch.setattr(layout, "FEW", 0)
    columns = Remi().encode(piece)
    monkeypatch.setattr(layout, "FEW", 10_000)
    assert np.array_equal(Remi().encode(piece), columns)


@pytest.mark.parametrize("tempos", [1, 7, 24, 48])
def test_each_tempo_is_written_as_the_nearest_in_octaves(tempos):
    encoder = Remi(tempos=tempos)
    bounds = encoder._tempo_bounds.round().astype(int)
    beats = np.concatenate((bounds - 1, bounds, bounds + 1, np.arange(1, 2**24, 99_991)))
    nearest = np.rint(np.log2(60e6 / 30 / beats).clip(0, 3) * tempos)
    for beat, tempo in zip(beats.tolist(), nearest.tolist(), strict=True):
        piece = Piece.of([(0, 480, 60)]).replace(tempos=np.array([(0, beat)], TEMPO))
        assert encoder.encode(piece)["at_tempo"][-1] == tempo


# What is written ---------------------------------------------------------------------------------


def test_a_bar_is_a_bar_event_and_positions_within_it():
    piece = Piece.of([(0, 480, 60), (0, 480, 64), (1920 * 2 + 240, 480, 62)])
    assert written(piece) == [
        "bar", "position 0", *note(60), *note(64), "bar", "bar", "position 2", *note(62)
    ]  # fmt: skip


def test_a_new_metre_comes_with_its_bar_and_one_said_twice_does_not():
    piece = Piece.of([(0, 480, 60), (1440, 480, 62), (2880, 480, 64)])
    three = with_metres(piece, (0, 3, 4), (1440, 3, 4), (2880, 2, 4))
    assert written(three) == [
        "bar", "metre 3/4", "position 0", *note(60), "bar", "position 0", *note(62),
        "bar", "metre 2/4", "position 0", *note(64),
    ]  # fmt: skip


def test_an_upbeat_cuts_its_bar_where_the_file_does():
    piece = with_metres(Piece.of([(0, 480, 60), (480, 480, 62)]), (0, 4, 4), (480, 4, 4))
    assert written(piece) == [
        "bar", "position 0", *note(60), "position 4", "bar", "metre 4/4", "position 0", *note(62)
    ]  # fmt: skip
    back = Remi().decode(Remi().encode(piece))
    assert np.array_equal(back.time_signatures, piece.time_signatures)


def test_programs_and_tempi_are_said_where_they_change():
    rows = [(0, 480, 60), (480, 480, 62, 80, 40), (960, 480, 64, 80, 40), (960, 480, 36, 80, DRUMS)]
    tempos = np.array([(0, 500_000), (480, 1_000_000), (960, 990_000)], TEMPO)
    piece = Piece.of(rows).replace(tempos=tempos)
    assert written(piece, tempos=4) == [
        "bar", "position 0", *note(60), "position 4", "tempo 4", "program 40", *note(62),
        "position 8", *note(64), "program 128", *note(36),
    ]  # fmt: skip


def test_a_metre_that_is_not_known_becomes_one_that_is():
    piece = Piece.of([(0, 480, 60), (480 * 12, 480, 62)])
    expected = {(12, 4): "6/4", (11, 4): "1/4", (255, 128): "16/16", (3, 64): "1/16", (8, 1): "2/1"}
    for metre, name in expected.items():
        words = written(with_metres(piece, (0, *metre)), longest_rest=999)
        assert words[1] == f"metre {name.replace('16/16', '32/16')}"
        n, d = map(int, words[1].removeprefix("metre ").split("/"))
        assert words.count("bar") == 1 + 12 * d // (4 * n)


@pytest.mark.parametrize("metre", [(7, 8), (5, 16), (12, 8), (3, 2)])
def test_notes_stand_where_they_stood_whatever_the_metre(metre):
    piece = with_metres(Piece.of([(i * 200, 100, 60) for i in range(200)]), (0, *metre))
    for encoder in (Remi(), Remi(grid=24), Remi(grid=1)):
        back = encoder.decode(encoder.encode(piece))
        error = back.notes["start"] / back.ticks_per_beat - piece.notes["start"] / 480
        assert np.abs(error).max() <= 0.5 / encoder.grid
        assert back.time_signatures.tolist() == [(0, *metre)]


def test_each_note_keeps_its_pitch_duration_velocity_and_program():
    notes = [
        (0, 480, 60, 100),
        (0, 960, 64, 50),
        (160, 80, 64, 50),  # a triplet
        (480, 240, 67, 80, 40),
        (1440, 120, 36, 90, DRUMS),
    ]
    back = Remi(velocities=127).decode(Remi(velocities=127).encode(Piece.of(notes)))
    columns = ["start", "duration", "pitch", "velocity", "program"]
    rows = [tuple(int(note[c]) for c in columns) for note in back.notes]
    assert rows == [(*n[:4], n[4] if len(n) > 4 else 0) for n in notes]


def test_unisons_and_nested_notes_of_one_pitch_all_stay():
    rows = [(0, 1920, 60, 127), (0, 480, 60, 1), (0, 480, 60, 1), (480, 240, 60, 64)]
    back = Remi().decode(Remi().encode(Piece.of(rows)))
    assert sorted(back.notes[["start", "duration"]].tolist()) == [
        (0, 480), (0, 480), (0, 1920), (480, 240)
    ]  # fmt: skip


def test_notes_off_the_grid_go_to_its_nearest_position_and_last_at_least_one():
    back = Remi().decode(Remi().encode(Piece.of([(19, 1, 60), (21, 1, 62)])))
    assert back.notes[["start", "duration"]].tolist() == [(0, 40), (40, 40)]


def test_an_empty_piece_is_a_start_and_an_end():
    encoder = Remi()
    steps = encoder.encode(with_metres(Piece(), (0, 3, 4)))
    assert steps["mark"].tolist() == [START, END]
    assert len(encoder.decode(steps)) == 0
    assert steps["at_metre"].tolist() == [encoder._metres.all.index((4, 4))] * 2


def test_programs_false_leaves_drums_out_and_plays_the_rest_on_one_piano():
    encoder = Remi(programs=False)
    piece = Piece.of([(0, 480, 60, 80, 40), (0, 480, 36, 80, DRUMS), (480, 480, 62, 80, 12)])
    back = encoder.decode(encoder.encode(piece))
    assert back.notes["program"].tolist() == [0, 0] and back.notes["pitch"].tolist() == [60, 62]
    only_drums = Piece.of([(0, 480, 36, 80, DRUMS)])
    assert encoder.encode(only_drums)["mark"].tolist() == [START, END]


# Lengths and limits ------------------------------------------------------------------------------


def test_of_a_long_rest_some_empty_bars_are_kept():
    piece = Piece.of([(0, 480, 60), (480 * 4 * 9 + 480, 480, 62)])
    assert written(piece, longest_rest=8).count("bar") == 10
    assert written(piece, longest_rest=7).count("bar") == 9
    back = Remi(longest_rest=2).decode(Remi(longest_rest=2).encode(piece))
    assert back.notes["start"].tolist() == [0, 3 * 1920 + 480]


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_music_without_end_takes_few_steps(encoder):
    last = 2**31 - 4000
    for ticks_per_beat in (1, 480, 32_767):
        rows = [(0, last, 60), *((last - i, 1 + i * 20, 60, i) for i in range(1, 128))]
        piece = with_metres(Piece.of(rows, ticks_per_beat=ticks_per_beat), (last - 9, 1, 128))
        steps = encoder.encode(piece)
        assert len(steps) < 15_000
        assert len(encoder.decode(steps)) == len(encoder.decode(steps, like=piece)) == 128
    million = Piece.of([(0, 480, 60), (480 * 10**6, 480, 62)])
    assert len(encoder.encode(million)) < 60


def told(grammar, schema):
    """All that a grammar says of each row (B, .): where it stands, and what may come next."""
    step_mask, given = grammar.step_mask(), schema.steps(len(grammar.now))
    assert not step_mask.least.any()
    masks = [grammar.allowed(field, given) for field in schema.decisions]
    assert np.array_equal(np.concatenate(masks, axis=1), step_mask.allowed)
    standing = [grammar.now, grammar.seconds(grammar.now), *map(grammar.derived, schema.derived)]
    return np.column_stack([*standing, step_mask.allowed])


@pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)
def test_rows_of_different_events_go_on_as_each_does_alone(encoder):
    rng, schema = np.random.default_rng(1), encoder.schema
    lines = [steps for steps, _, _ in random_steps(encoder, 11, length=120, rows=5)]
    lines.append(encoder.encode(eventful(3, notes=30))[1:-1])
    begins, rows = np.zeros(len(lines), int), len(lines)
    grammar, alone = encoder.grammar(rows), [encoder.grammar(1) for _ in lines]
    for _ in range(150):
        left = np.array([len(line) for line in lines]) > begins
        moves = left & (rng.random(rows) < 0.8)  # the others wait, or have ended
        step = np.stack([lines[i][begins[i] % len(lines[i])] for i in range(rows)])
        begun = grammar.push(step, moves)
        for row in np.flatnonzero(moves):
            assert alone[row].push(step[row : row + 1], np.array([True]))[0] == begun[row]
        assert not begun[~moves].any()
        begins += moves
        each = [told(one, schema) for one in alone]
        assert np.array_equal(told(grammar, schema), np.concatenate(each))
        order = rng.integers(rows, size=rows)
        copied = grammar.select(order)
        before = told(copied, schema)
        assert np.array_equal(before, np.concatenate([each[row] for row in order]))
        grammar, left_behind = grammar.select(np.arange(rows)), grammar
        left_behind.push(step, left)
        assert np.array_equal(told(copied, schema), before)  # of which the copy sees nothing


@pytest.mark.parametrize("rows", [1, 3])
def test_a_step_decided_at_once_is_the_one_decided_field_by_field(monkeypatch, rows):
    encoder = Remi(grid=4, velocities=4, durations=4)
    torch.manual_seed(0)
    network = Lstm(hidden=16).build(encoder.schema, HeadOptions(True, embedding=4, width=8))

    def sample():
        made = Session(
            make_runner(network, encoder.schema, Lstm(hidden=16)),
            encoder,
            rows=rows,
            limit=Limit(notes=12, ends=False),
        )
        while not made.done.all():  # rows are done at different steps
            made.step()
        return made.steps.copy()

    at_once = sample()
    with monkeypatch.context() as patch:
        patch.setattr(RemiGrammar, "step_mask", lambda self: None)
        assert np.array_equal(sample(), at_once)


def test_a_grammar_that_has_no_time_left_ends():
    encoder = Remi(longest_bar=64, longest_rest=999)
    grammar, everywhere = encoder.grammar(1), np.array([True])
    step = encoder.schema.steps(1)

    def push(event, value=0):
        step["event"] = encoder._events.index(event)
        if event != "bar":
            step[event] = value
        for field in ("event",) + ((event,) if event != "bar" else ()):
            assert accepts(grammar, encoder.schema[field], step)[0], event
        grammar.push(step, everywhere)

    push("bar")
    push("metre", encoder._metres.all.index((16, 1)))
    while grammar.now[0] < 65_000:
        if grammar._at["bars"][0, 0] == 999:
            for event in ("position", "pitch", "velocity", "duration"):
                push(event)
        push("bar")
    events = grammar.allowed(encoder.schema["event"], step)[0]
    assert not events[0] and events[encoder._events.index("position")]
    for event in ("position", "pitch", "velocity", "duration"):
        push(event)
    assert grammar.allowed(encoder.schema.columns[0], step)[0].tolist() == [False, True, False]


@pytest.mark.parametrize(
    "option",
    [
        {"grid": 3}, {"longest_bar": 4}, {"longest_rest": 1}, {"longest_duration": 1},
        {"durations": 2}, {"velocities": 2}, {"tempos": 2}, {"programs": False},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_changes_what_comes_back(option):
    piece = with_metres(eventful(1, 100, longest_gap=20_000), (0, 7, 4))
    usual, other = (e.decode(e.encode(piece)) for e in (Remi(), Remi(**option)))
    assert usual != other


# With other parts --------------------------------------------------------------------------------


def test_tempi_come_back_within_half_a_step_and_metres_as_they_were():
    piece = tune(0, bars=8).replace(
        tempos=np.array([(0, 437_000), (1920, 900_000), (5000, 1_500_000)], TEMPO),
        time_signatures=np.array([(0, 4, 4), (3840, 3, 4)], TIME_SIGNATURE),
    )
    back = Remi().decode(Remi().encode(piece))
    assert back.time_signatures.tolist() == piece.time_signatures.tolist()
    error = np.log2(back.tempos["microseconds"] / piece.tempos["microseconds"])
    assert np.abs(error).max() <= 0.5 / 24
    assert np.abs(back.tempos["tick"] - piece.tempos["tick"]).max() <= 20
    assert back.seconds_long == pytest.approx(piece.seconds_long, rel=0.015)


def test_like_changes_the_maps_and_not_the_beats():
    piece = eventful(2, 100)
    plain = Remi().decode(Remi().encode(piece))
    back = Remi().decode(Remi().encode(piece), like=piece)
    assert np.array_equal(back.tempos, piece.tempos)
    assert np.array_equal(back.time_signatures, piece.time_signatures)
    assert np.array_equal(back.notes["start"], plain.notes["start"])
    assert len(back) == len(piece)
    ticks = Remi().ticks(Remi().encode(piece), like=piece)
    assert set(back.notes["start"].tolist()) <= set(ticks.tolist())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 32_767), st.integers(1, 96), st.integers(0, 10**6))
def test_any_resolution_comes_back_to_the_same_steps(ticks_per_beat, grid, seed):
    piece = eventful(seed, notes=20, ticks_per_beat=ticks_per_beat, longest_gap=3 * ticks_per_beat)
    encoder = Remi(grid=grid)
    steps = encoder.encode(piece)
    assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)


def test_sampling_plays_what_its_own_steps_say():
    torch.manual_seed(0)
    encoder = Remi(grid=4, durations=3, velocities=4)
    network = Lstm(hidden=16, layers=1).build(
        encoder.schema, HeadOptions(True, embedding=4, width=8)
    )
    session = Session(
        make_runner(network, encoder.schema, Lstm(hidden=16)),
        encoder,
        rows=3,
        limit=Limit(notes=30, ends=False),
    )
    session.prompt([tune(0, bars=2)] * 3)
    for _ in Autoregressive().generate(session):
        pass
    assert (session.notes >= 30).all()
    for row in range(3):
        steps = session.steps[row, : session.lengths[row]]
        steps = steps[steps["mark"] == STEP]
        again = encoder.encode(session.piece(row))[1:-1]
        assert np.array_equal(again, steps[: len(again)])
        assert len(session.made(row)) == session.notes[row]


def test_sampled_seconds_are_those_of_the_tempi_that_were_made():
    torch.manual_seed(1)
    encoder = Remi(grid=4, durations=3, velocities=4, tempos=4)
    network = Lstm(hidden=16, layers=1).build(
        encoder.schema, HeadOptions(True, embedding=4, width=8)
    )
    session = Session(
        make_runner(network, encoder.schema, Lstm(hidden=16)),
        encoder,
        rows=4,
        limit=Limit(seconds=40, ends=False),
    )
    for _ in Autoregressive().generate(session):
        pass
    for row, seconds in enumerate(session.seconds):
        piece = session.piece(row)
        assert len(np.unique(piece.tempos["microseconds"])) > 3
        last = piece.ticks_per_beat * session.beats[row]
        assert piece.seconds([round(last)])[0] == pytest.approx(seconds)
        assert seconds >= 40
        starts = piece.seconds(piece.notes["start"])
        began = piece.seconds(piece.bar_at(int(piece.notes["start"][0]))[0])
        assert len(session.made(row)) == (starts < began + 40).sum() > 0
    assert np.allclose(session.fork().seconds, session.seconds)


def test_a_run_trains_and_samples(howlkit, tmp_path, music):
    code, _, err = howlkit(
        "train", music, "--out-dir", tmp_path / "run", "--encoder", "remi", "--steps", 3,
        "--augment", "stretch", "-o", "lstm.hidden=16", "-o", "training.batch=4",
    )  # fmt: skip
    assert code == 0, err
    new = tmp_path / "new.mid"
    code, _, err = howlkit("sample", tmp_path / "run", "--notes", 5, "--out", new)
    assert code == 0 and "new.mid  5 notes" in err, err
    assert len(midi.read(new))  # 5, but for those that strike a key twice at once

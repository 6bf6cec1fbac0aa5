"""What an encoder must keep to; copy these for one of your own."""

import numpy as np
from howlkit_intervals import Intervals

from howlkit.piece import DRUMS, NOTE, Piece
from howlkit.schema import END, MARK, Steps

ENCODER = Intervals()


def piece(seed: int, notes: int = 60) -> Piece:
    """Return random music with chords, repeats and drums."""
    rng = np.random.default_rng(seed)
    table = np.zeros(notes, NOTE)
    table["start"] = np.cumsum(rng.choice([0, 0, 3, 120, 240, 7000], notes))
    table["duration"] = rng.integers(1, 6000, notes)
    table["pitch"] = rng.integers(0, 128, notes)
    table["velocity"] = rng.integers(1, 128, notes)
    table["program"] = rng.choice([0, 40, DRUMS], notes)
    return Piece(table)


def walk(rng: np.random.Generator, length: int) -> Steps:
    """Return steps that the grammar allows, the extremes often, checking it at every one."""
    grammar = ENCODER.grammar(1)
    steps = ENCODER.schema.steps(length)
    for i in range(length):
        for field in ENCODER.schema.decisions:
            allowed = np.flatnonzero(grammar.allowed(field, steps[i : i + 1])[0])
            if field == MARK:
                allowed = allowed[allowed != END]
            steps[field.name][i] = rng.choice([allowed[0], allowed[-1], rng.choice(allowed)])
        began = grammar.push(steps[i : i + 1], np.array([True]))
        assert began.tolist() == [1]
        decoded = ENCODER.decode(steps[: i + 1])
        assert decoded.notes["pitch"][-1] == grammar.pitch[0]
        assert decoded.notes["start"][-1] / decoded.ticks_per_beat == grammar.now[0]
        assert ENCODER.ticks(steps[: i + 1])[-1] == decoded.notes["start"][-1]
    return ENCODER.schema.frame(steps, end=True)


def test_what_the_grammar_allows_survives_decoding_and_encoding() -> None:
    for seed in range(10):
        steps = walk(np.random.default_rng(seed), 60)
        assert (ENCODER.encode(ENCODER.decode(steps)) == steps).all()


def test_the_grammar_allows_what_encode_returns() -> None:
    for seed in range(10):
        grammar = ENCODER.grammar(1)
        for step in ENCODER.encode(piece(seed))[1:]:
            for field in ENCODER.schema.decisions:
                if ENCODER.schema.active(field, step):
                    assert grammar.allowed(field, step[None])[0, step[field.name]]
            grammar.push(step[None], np.array([True]))


def test_excerpts_hold_the_steps_of_the_whole() -> None:
    whole = Piece.of([(i * 240, 480, 40 + i * 7 % 50) for i in range(40)])
    parts = [ENCODER.encode(whole.excerpt(i, i + 8)) for i in range(0, 40, 8)]
    steps = ENCODER.encode(whole)
    assert (np.concatenate([steps[:1], *(part[1:] for part in parts)]) == steps).all()


def test_rows_of_a_grammar_are_copied_and_reordered() -> None:
    grammar = ENCODER.grammar(2)
    step = ENCODER.schema.steps(2)
    step["shift"], step["interval"] = 13, (127, 130)
    grammar.push(step, np.array([True, True]))
    copy = grammar.select(np.array([1, 1, 0]))
    grammar.push(step, np.array([True, False]))
    assert copy.pitch.tolist() == [63, 63, 60]
    assert grammar.now.tolist() == [25 / 12, 1.0]


def test_an_empty_piece_is_a_start_and_an_end() -> None:
    steps = ENCODER.encode(Piece())
    assert steps["mark"].tolist() == [2, 1]
    assert len(ENCODER.decode(steps)) == 0

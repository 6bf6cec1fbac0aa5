"""Rules about notes in a session: every encoder keeps them, and no step is favoured."""

import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.builtin.samplers import Beam
from howlkit.constraints import (
    DensityRule,
    LengthRule,
    LoopRule,
    PitchRule,
    PolyphonyRule,
    ProgramRule,
    RestrikeRule,
)
from howlkit.errors import HowlkitError, PluginError
from howlkit.head_options import HeadOptions
from howlkit.music import Piece
from howlkit.music.tables import DRUMS
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.ruled_draws import draw_one_until_kept, draw_until_kept
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.sampling.step_drawing import StepDrawing
from howlkit.schema import END, STEP
from howlkit.training.recipe import Recipe
from tests.conftest import tune

D_MINOR = (0, 2, 4, 5, 7, 9, 10)
ENCODERS = ("tuple", "event", "remi", "voices", "pianoroll", "howl")
SMALL = {"tuple": {"grid": 4}, "remi": {"grid": 4}, "event": {"grid": 20}, "voices": {"voices": 4}}


def pitches(*wanted):
    table = np.full((1, 128), -np.inf)
    table[0, list(wanted)] = 0
    return PitchRule(table)


def rules(most=3):
    in_key = [p for p in range(48, 85) if p % 12 in D_MINOR]
    programs = np.zeros(DRUMS + 1, bool)
    programs[[0, 40, DRUMS]] = True
    return [pitches(*in_key), ProgramRule(programs), PolyphonyRule(most), RestrikeRule()]


DENSE = DensityRule(3.0, 4, strength=0.5)


def session(name, *, stepping="auto", rows=2, seed=0, given=None, **limits):
    torch.manual_seed(0)
    recipe = Recipe.choose(name, "lstm", values={"lstm": {"hidden": 16}, name: SMALL.get(name, {})})
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    runner = make_runner(network, recipe.encoder.schema, recipe.model, stepping=stepping)
    limit = Limit(**{"notes": 30, "ends": False, **limits})
    given = rules() if given is None else given
    return Session(runner, recipe.encoder, rows=rows, seed=seed, limit=limit, rules=given)


def play(made):
    while not made.done.all():
        made.step(SamplingParams())
    return [made.piece(row) for row in range(made.rows)]


def check(piece, most=3):
    notes, ends = piece.notes, piece.ends
    pitched = notes[notes["program"] != DRUMS]["pitch"]
    assert set((pitched % 12).tolist()) <= set(D_MINOR)
    assert pitched.min(initial=84) >= 48 and pitched.max(initial=48) <= 84
    assert set(notes["program"].tolist()) <= {0, 40, DRUMS}
    for at, note in enumerate(notes):
        sounds = (notes["start"] <= note["start"]) & (ends > note["start"])
        assert np.count_nonzero(sounds) <= most
        key = [name for name in ("track", "program", "pitch")]
        same = np.all([notes[name] == note[name] for name in key], axis=0)
        assert np.count_nonzero(same & sounds) == 1, (at, note)


@pytest.mark.parametrize("name", ENCODERS)
def test_no_note_breaks_a_rule_with_any_encoder(name):
    for piece in play(session(name)):
        assert len(piece) >= 30
        check(piece)


@pytest.mark.parametrize("name", ["tuple", "event", "remi", "voices"])
def test_compiled_code_judges_as_python_does(name):
    pytest.importorskip("numba")
    given = [*rules(), DENSE]
    made = {
        how: session(name, stepping=how, notes=20, given=given) for how in ("plain", "compiled")
    }
    for one, other in zip(play(made["plain"]), play(made["compiled"]), strict=True):
        assert one == other
    plain, compiled = (made[how].heard for how in ("plain", "compiled"))
    assert (plain.notes == compiled.notes).all() and (plain.runs == compiled.runs).all()


def test_rules_follow_a_session_that_goes_back_and_forks():
    whole = session("tuple")
    play(whole)
    whole.rewind(12)
    again = session("tuple")
    again.feed([steps[1:12] for steps in whole.steps], made=True)
    for part in ("notes", "at", "moves", "runs"):
        assert (getattr(whole.heard, part) == getattr(again.heard, part)).all()
    fork = whole.fork()
    for piece in play(fork):
        check(piece)
    assert whole.lengths.tolist() == [12, 12]


def test_a_prompt_that_breaks_a_rule_stays_and_what_follows_keeps_it():
    prompt = tune(8).replace(has_end=False)
    made = session("tuple", rows=1, given=[pitches(60)])
    made.prompt(prompt)
    play(made)
    notes = made.made(0).notes
    assert len(notes) >= 30 and len(made.piece(0)) == len(notes) + len(prompt)
    assert set(notes[notes["program"] != DRUMS]["pitch"].tolist()) == {60}


@pytest.mark.parametrize("name", ["voices", "event"])
def test_a_note_of_a_prompt_that_is_too_long_already_does_not_stop_the_music(name):
    prompt = Piece.of([(0, 480 * 12, 60), (480 * 11, 480, 67)]).replace(has_end=False)
    made = session(name, rows=1, notes=8, given=[LengthRule(4)])
    made.prompt(prompt)
    play(made)
    assert len(made.made(0)) >= 8


@pytest.mark.parametrize("stepping", ["auto", "plain"])
def test_notes_that_must_end_together_end_in_the_order_of_the_encoder(stepping, monkeypatch):
    """Else one that comes later in that order ends first, and no row can go on."""

    def go_back(self, rows):
        raise AssertionError("rows went back")

    monkeypatch.setattr(StepDrawing, "_go_back", go_back)
    chord = [(0, 960, pitch) for pitch in (48, 55, 60, 64, 67)]
    prompt = Piece.of([*chord, (480, 480, 72)]).replace(has_end=False)
    made = session("event", stepping=stepping, rows=8, notes=20, given=[LengthRule(40)])
    made.prompt([prompt] * 8)
    play(made)
    for row in range(8):
        piece = made.piece(row)
        assert piece.seconds(piece.ends - piece.notes["start"]).max() < 2.06  # 40 positions


def test_a_loop_ends_where_the_rule_says():
    most = np.full(64, 2**60)
    most[7:] = [4 * lag - 1 for lag in range(8, 65)]
    longest = {}
    for loops, given in ((True, PolyphonyRule(100)), (False, LoopRule(most))):
        made, longest[loops] = session("tuple", rows=1, notes=150, given=[given]), 0.0
        while not made.done.all():
            made.step(SamplingParams(temperature=0))
            copies = made.heard.runs[0, 7:] / np.arange(8, 65) + 1
            longest[loops] = max(longest[loops], float(copies.max()))
    assert longest[True] > 10  # at temperature 0 random weights repeat themselves
    assert longest[False] < 5


def test_rules_that_leave_nothing_are_an_error_that_says_so():
    with pytest.raises(HowlkitError, match="rules leave nothing"):
        play(session("tuple", rows=1, given=[PitchRule(np.full((1, 128), -np.inf))]))


class Silent(Tuple):
    """Note tuples whose grammar says nothing of notes."""

    def grammar(self, rows, *, like=None):
        return Wordless(super().grammar(rows, like=like))


class Wordless:
    """A grammar without what is said of notes."""

    def __init__(self, sound):
        self.sound, self.allowed, self.push = sound, sound.allowed, sound.push

    @property
    def now(self):
        return self.sound.now

    def select(self, rows):
        return Wordless(self.sound.select(rows))


def silent_session(rows, notes, given):
    torch.manual_seed(0)
    encoder, model = Silent(grid=4, programs=False), Lstm(hidden=16)
    network = model.build(encoder.schema, HeadOptions(embedding=4, width=8)).eval()
    runner = make_runner(network, encoder.schema, model, stepping="plain")
    limit = Limit(notes=notes, ends=False)
    return Session(runner, encoder, rows=rows, limit=limit, rules=given)


def test_an_encoder_that_says_nothing_of_notes_is_judged_by_whole_steps():
    made = silent_session(2, 12, [pitches(*range(40, 90)), RestrikeRule(), PolyphonyRule(2)])
    for piece in play(made):
        assert set(piece.notes["pitch"].tolist()) <= set(range(40, 90))
        for at in piece.notes["start"]:
            assert np.count_nonzero((piece.notes["start"] <= at) & (piece.ends > at)) <= 2
    assert made.heard.at[:, 0].tolist() == [12, 12]  # notes made
    made.rewind(6)
    assert made.heard.at[:, 0].tolist() == [5, 5]


def test_a_beam_keeps_the_rules():
    sampler = Beam(width=3)
    for name in ("tuple", "remi"):
        made = session(name, rows=1, notes=8)
        for _ in sampler.generate(made):
            pass
        check(made.piece(0))


def test_a_rule_that_is_none_is_refused():
    with pytest.raises(PluginError, match="Rule, with logits"):
        session("tuple", given=["no rule"])


def test_a_draw_is_kept_as_often_as_rules_leave_of_it():
    """Of steps (a, b), b given a, a rule leaves 1 of 10 where a is 0 and all where a is 1."""
    rng, counts = np.random.default_rng(0), np.zeros(2)
    rngs = [np.random.default_rng(1)]
    for _ in range(4000):

        def draw(rows):
            step = np.array([rng.integers(2)])
            return step, np.ones(1), np.array([0.1 if step[0] == 0 else 1.0])

        step, _, found = draw_until_kept(draw, np.ones(1, bool), rngs)
        assert found.all()
        counts[step[0]] += 1
    # Field by field, a would be 0 in half of the steps; of all allowed ones it is in 1 of 11.
    assert counts[0] / counts.sum() == pytest.approx(1 / 11, abs=0.015)


def test_masking_piles_no_probability_up_at_borders():
    """A shift of 0 leaves few pitches above the last one: steps must be as likely as allowed ones.

    The exact probability of each first step is the model's, over those with an allowed pitch.
    """
    encoder = Tuple(
        grid=1, longest_shift=2, durations=1, longest_duration=1, velocities=1, programs=False
    )
    torch.manual_seed(3)
    network = Lstm(hidden=8).build(encoder.schema, HeadOptions(embedding=4, width=8)).eval()
    runner = make_runner(network, encoder.schema, Lstm(hidden=8), stepping="plain")
    rule = pitches(*range(60, 64))

    def begun(rows, given):
        made = Session(
            runner.twin(), encoder, rows=rows, limit=Limit(notes=1, ends=False), rules=given
        )
        return made, made.step()

    free, free_steps = begun(20_000, ())
    kept = np.isin(free_steps["pitch"], range(60, 64))
    ruled, steps = begun(4_000, [rule])
    assert np.isin(steps["pitch"], range(60, 64)).all()
    assert (steps["mark"] == STEP).all() and END not in steps["mark"]
    for name in ("shift", "pitch"):
        expected = np.bincount(free_steps[name][kept].astype(int), minlength=128) / kept.sum()
        found = np.bincount(steps[name].astype(int), minlength=128) / len(steps)
        assert np.abs(found - expected).max() < 0.06


@pytest.mark.parametrize("stepping", ["plain", "auto"])
def test_functions_on_logits_do_not_lift_the_rules(stepping):
    made = session("tuple", stepping=stepping, notes=12)
    while not made.done.all():
        made.step(functions=[lambda field, logits, given: 0.9 * logits])
    for row in range(made.rows):
        check(made.piece(row))


def test_a_single_row_is_drawn_until_kept_as_rows_are():
    for seed in range(300):
        rngs = [np.random.default_rng(seed) for _ in range(2)]
        given = np.random.default_rng([seed, 1])
        share = given.choice([0.05, 0.5, 1.0])
        weights = np.where(given.random(64) < share, given.choice([0.1, 0.7, 1.0], 64), 0.0)
        drawn = [0, 0]

        def one(drawn=drawn, weights=weights):
            drawn[0] += 1
            return np.array([drawn[0]]), drawn[0] / 100, float(weights[drawn[0] - 1])

        def many(rows, drawn=drawn, weights=weights):
            drawn[1] += 1
            values = np.array([drawn[1]])
            return values, values / 100, weights[[drawn[1] - 1]]

        found = draw_one_until_kept(one, rngs[0])
        steps, chances, there = draw_until_kept(many, np.ones(1, bool), [rngs[1]])
        assert drawn[0] == drawn[1] and rngs[0].random() == rngs[1].random()
        assert (found is not None) == bool(there[0])
        assert found is None or (found[0][0], found[1]) == (steps[0], chances[0])

"""Compiled code judges every choice as the rules themselves do, whatever was heard before."""

import numpy as np
import pytest

from howlkit.constraints import (
    DensityRule,
    Heard,
    LengthRule,
    LoopRule,
    PitchRule,
    PolyphonyRule,
    ProgramRule,
    RestrikeRule,
)
from howlkit.constraints.heard import LAGS
from howlkit.constraints.judging import judge
from howlkit.music.tables import DRUMS
from howlkit.note_choices import OPEN
from howlkit.plugins.checked import CheckedEncoder
from howlkit.sampling.choice_arrays import ChoiceRules
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.rule_arrays import RuleArrays, StaticRules
from howlkit.schema import STEP, Field, Schema
from howlkit.testing.choices import random_choices, random_heard
from howlkit.training.recipe import Recipe
from tests.conftest import tune

pytest.importorskip("numba")
from howlkit.sampling import rule_kernels

RULES = {name: index for index, name in enumerate(RuleArrays._fields)}
SMALL = {"tuple": {"grid": 4}, "remi": {"grid": 4}, "event": {"grid": 20}, "voices": {"voices": 4}}


def some_rules(rng, divisions):
    tables = np.where(rng.random((3, 128)) < 0.3, -np.inf, rng.normal(size=(3, 128)))
    tables = tables.astype(np.float32).astype(np.float64)
    slots = rng.integers(0, 3, int(rng.integers(1, 4)))
    every = [
        PitchRule(tables, slots, slot=2.0, early=0.125, divisions=divisions, bar=4.0),
        ProgramRule(rng.random(DRUMS + 1) < 0.5),
        PolyphonyRule(int(rng.integers(1, 6))),
        RestrikeRule(),
        LengthRule(int(rng.integers(1, 3 * divisions))),
        LoopRule(rng.integers(0, 6, LAGS)),
        DensityRule(3.0, divisions),
    ]
    return [rule for rule in every if rng.random() < 0.5]


def some_past(rng, onset, divisions, *, alone, opens):
    """Return what a row may have heard before a position; opens: notes that a step ends, too."""
    heard = Heard.nothing(1, alone=alone)
    count = int(rng.integers(0, 12))
    begun = np.maximum(onset - rng.integers(0, 8 * divisions, count), 0)
    until = np.where(
        opens & (rng.random(count) < 0.2), OPEN, begun + rng.integers(1, 12 * divisions, count)
    )
    columns = rng.integers(50, 75, count), 40 * rng.integers(0, 2, count), rng.integers(0, 2, count)
    heard.notes[0, :count] = np.stack([*columns, begun, until], axis=1)
    heard.at[0] = count, begun.min(initial=onset), onset, int(rng.integers(50, 75)), 0
    heard.moves[0] = np.stack([rng.integers(-9, 9, LAGS), rng.integers(0, 3, LAGS)], axis=1)
    heard.runs[0] = rng.integers(0, 9, LAGS)
    heard.moved[0] = int(rng.integers(0, 5 * divisions))
    return heard


def judged(row, k, allowed, added, arrays):
    """Judge as the kernels of a step do."""
    looked_at = (arrays[RULES[name]] for name in ("known", "spans", "numbers", "sums"))
    has_a_say = rule_kernels.has_a_say(row, k, *looked_at)
    return has_a_say and rule_kernels.judge(row, k, allowed, added, arrays)


def take_in(row, k, value, arrays):
    """Take in a choice as the kernels of a step do."""
    adds, first, sums = (arrays[RULES[name]] for name in ("adds", "first", "sums"))
    rule_kernels.take_in(row, k, value, adds, first, sums)
    if arrays[RULES["numbers"]][rule_kernels.ALONE]:
        rule_kernels.hear_in_the_making(row, k, arrays)


@pytest.mark.parametrize("name", SMALL)
def test_every_choice_is_judged_as_by_the_rules_themselves(name):
    encoder = CheckedEncoder.of(Recipe.choose(name, "lstm", values={name: SMALL[name]}).encoder)
    steps, rng, looked = encoder.encode(tune(30)), np.random.default_rng(5), 0
    schema, fields, grammar = encoder.schema, FieldArrays(encoder.schema), encoder.grammar(1)
    for t in range(1, len(steps) - 1):
        step, bases = steps[t : t + 1], grammar.note_bases
        rules = some_rules(rng, grammar.divisions)
        opens = bool((grammar.note_tables.adds >= OPEN).any())
        heard = some_past(
            rng, int(bases[0, 0]), grammar.divisions, alone=grammar.alone, opens=opens
        )
        arrays = StaticRules(rules, grammar.note_tables, fields).following(heard, grammar)
        known, restart, sums = (arrays[RULES[name]] for name in ("known", "restart", "sums"))
        rule_kernels.begin_sums(0, bases, sums)
        for k, field in enumerate(schema.decisions):
            if not schema.active(field, step)[0]:
                continue
            rule_kernels.begin_decision(0, k, restart, bases, sums)
            a, stop = fields.begin[k : k + 2]
            added = np.full(stop - a, np.nan, np.float32)
            allowed = grammar.allowed(field, step)[0]
            says = judged(0, k, allowed, added, arrays)
            choices = grammar.note_choices(field, step) if known[k, 0] else None
            wanted = np.zeros(len(added)) if choices is None else judge(rules, choices, heard)[0]
            got = np.where(allowed, added, 0) if says else np.zeros(len(added))
            wanted = np.where(allowed, wanted, 0)
            assert (np.isneginf(got) == np.isneginf(wanted)).all(), (t, field.name, rules)
            assert np.allclose(got, wanted, atol=1e-4), (t, field.name, rules)
            looked += bool(wanted.any())
            take_in(0, k, int(step[field.name][0]), arrays)
        grammar.push(step, np.ones(1, bool))
    assert looked > 20


class OneField:
    """A grammar whose choices of one field are given."""

    def __init__(self, choices):
        self.choices = choices

    def note_choices(self, field, given):
        return self.choices


def test_choices_without_tables_are_judged_as_by_the_rules_themselves():
    rng, looked, divisions, n = np.random.default_rng(7), 0, 8, 60
    schema = Schema((Field("token", n),))
    for _ in range(60):
        heard = random_heard(rng, rows=4, divisions=divisions)
        choices = random_choices(rng, heard, divisions=divisions, choices=n)
        rules = some_rules(rng, divisions)
        arrays = ChoiceRules(rules, schema).judged(heard, OneField(choices)).arrays
        wanted, allowed = judge(rules, choices, heard), choices.onset >= 0
        for row in range(4):
            rule_kernels.begin_sums(row, arrays[RULES["bases"]], arrays[RULES["sums"]])
            take_in(row, 0, STEP, arrays)
            added = np.full(n, np.nan, np.float32)
            says = judged(row, 1, allowed[row], added, arrays)
            got = added[allowed[row]] if says else np.zeros(np.count_nonzero(allowed[row]))
            assert np.allclose(got, wanted[row][allowed[row]], atol=1e-4), rules
            looked += bool(wanted[row].any())
    assert looked > 100


def test_a_draw_that_left_nothing_says_nothing_about_the_next_one():
    encoder = CheckedEncoder.of(Recipe.choose("event", "lstm").encoder)
    grammar, heard = encoder.grammar(2), Heard.nothing(2)
    rules = StaticRules([RestrikeRule()], grammar.note_tables, FieldArrays(encoder.schema))
    rules.judged(heard, grammar).left[:] = 0
    assert rules.judged(heard, grammar).left.tolist() == [1, 1]

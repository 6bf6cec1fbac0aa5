"""The likeliest next steps, against the cost of every step that there is."""

from itertools import product

import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import HowlkitError
from howlkit.head_options import HeadOptions
from howlkit.sampling.likeliest import likeliest_steps
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, STEP
from howlkit.testing.fake_encoder import FakeEncoder

SMALL = Tuple(grid=1, durations=2, velocities=2, programs=False)
HEADS = HeadOptions(embedding=4, width=8, components=2)
CASES = [
    pytest.param(SMALL, HEADS, "plain", id="classes, plain"),
    pytest.param(SMALL, HEADS, "compiled", id="classes, compiled"),
    pytest.param(SMALL, HeadOptions(embedding=4, width=8, chained=False), "compiled", id="flat"),
    pytest.param(FakeEncoder(grid=1), HEADS, "plain", id="bits and real numbers"),
]
ALL = 132_000  # more steps than SMALL has


def session(encoder, heads, stepping, rows=1, **limits):
    if stepping == "compiled":
        pytest.importorskip("numba")
    torch.manual_seed(0)
    model = Lstm(hidden=16, layers=1)
    network = model.build(encoder.schema, heads).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.6)
    network.embed.table.weight.data[0] = 0
    runner = make_runner(network, encoder.schema, model, stepping=stepping)
    made = Session(runner, encoder, rows=rows, limit=Limit(notes=50, ends=False))
    for _ in range(3):
        made.step(SamplingParams(temperature=0.5))
    made.limit = Limit(**({"notes": 50, "ends": True} | limits))
    return made


@pytest.mark.parametrize(("encoder", "heads", "stepping"), CASES)
def test_nats_are_what_the_step_costs_once_it_is_made(encoder, heads, stepping):
    made = session(encoder, heads, stepping, rows=2)
    steps, nats = made.likeliest_steps(3000)
    listed = [
        {step.tobytes(): cost for step, cost in zip(*of_row, strict=True) if np.isfinite(cost)}
        for of_row in zip(steps, nats, strict=True)
    ]
    length, found = made.lengths.copy(), 0
    for _ in range(30):
        made.step(SamplingParams(temperature=0.7))
        for row in range(2):
            step = made.steps[row, made.lengths[row] - 1].copy()
            for field in made.encoder.schema.derived:
                step[field.name] = 0  # `feed` fills it in
            if (cost := listed[row].get(step.tobytes())) is not None:
                assert cost == pytest.approx(made.cost[row], abs=1e-4)
                found += 1
        made.rewind(length)
    assert found > 30


@pytest.mark.parametrize(("encoder", "heads", "stepping"), CASES)
def test_the_first_are_the_same_at_every_width_that_is_large_enough(encoder, heads, stepping):
    made = session(encoder, heads, stepping, rows=2)
    steps, nats = made.likeliest_steps(4000)
    assert (nats[:, 1:] >= nats[:, :-1]).all()
    few, few_nats = made.likeliest_steps(300)
    np.testing.assert_allclose(few_nats[:, :5], nats[:, :5], atol=1e-5)
    assert np.array_equal(few[:, :5], steps[:, :5])


@pytest.mark.parametrize(("stepping", "ends"), [("plain", True), ("compiled", False)])
def test_a_search_that_is_wide_enough_finds_every_step_that_the_grammar_allows(stepping, ends):
    made = session(SMALL, HEADS, stepping, ends=ends)
    steps, nats = made.likeliest_steps(ALL)
    there = np.isfinite(nats[0])
    found = {step.tobytes() for step in steps[0][there]}
    assert len(found) == there.sum()
    assert np.exp(-nats[0][there]).sum() <= 1 + 1e-5
    assert (steps[0][there]["mark"] == END).sum() == ends
    # Every combination of values, tried with `feed`, which refuses what is not allowed.
    fields = [field for field in SMALL.schema.decisions if field.name != "mark"]
    some = [range(field.n) if field.n < 20 else range(0, field.n, 29) for field in fields]
    for values in product(*some):
        step = SMALL.schema.steps(1)
        for field, value in zip(fields, values, strict=True):
            step[field.name] = value
        twin = made.fork(same=True)
        try:
            twin.feed([step], made=True)
        except HowlkitError:
            assert step[0].tobytes() not in found
        else:
            assert step[0].tobytes() in found


def test_sets_of_bits_are_found_too():
    encoder = FakeEncoder(grid=1)
    made = session(encoder, HEADS, "plain", ends=False)
    steps, nats = made.likeliest_steps(33_000)
    there = np.isfinite(nats[0])
    loud, keys = 8, 12
    chords = 2**keys - 1 - keys
    assert there.sum() == loud * (keys + chords)
    assert (steps[0][there]["mark"] == STEP).all()
    assert len({step.tobytes() for step in steps[0][there]}) == there.sum()


def test_rows_do_not_look_at_each_other_and_one_that_is_done_has_an_end_for_nothing():
    made = session(SMALL, HEADS, "plain", rows=3)
    steps, nats = made.likeliest_steps(20)
    for row in range(3):
        alone = made.fork(same=True)
        alone.select([row])
        its, cost = alone.likeliest_steps(20)
        assert np.array_equal(its[0], steps[row])
        np.testing.assert_allclose(cost[0], nats[row], atol=1e-5)
    end = SMALL.schema.steps(1)
    end["mark"] = END
    made.feed([end, end[:0], end], made=True)
    steps, nats = made.likeliest_steps(20)
    assert steps["mark"][[0, 2], 0].tolist() == [END, END]
    assert nats[[0, 2], 0].tolist() == [0, 0] and np.isinf(nats[[0, 2], 1:]).all()
    assert np.isfinite(nats[1]).all() and nats[1, 0] > 0


def test_what_rules_add_counts_and_what_they_forbid_is_left_out():
    made = session(SMALL, HEADS, "plain", rows=2, ends=False)

    def only_pitch_60_and_rather_short(field, given, rows):
        added = np.zeros((len(given), field.choices))
        if field.name == "pitch":
            added[:, np.arange(field.choices) != 60] = -np.inf
        if field.name == "duration":
            added[:, 0] = np.where(rows == 1, 50.0, 0.0)
        return added

    steps, nats = likeliest_steps(
        made._rows.runner, made._at.grammar, made.encoder, made._at.hidden,
        width=2000, going=np.ones(2, bool), ends=False, judge=only_pitch_60_and_rather_short,
    )  # fmt: skip
    there = np.isfinite(nats)
    assert (steps["pitch"][there] == 60).all() and there.all(axis=1).sum() == 0
    assert (steps["duration"][1, : there[1].sum() // 8] == 0).all()
    assert nats[1, 0] < 0 < nats[0, 0]


def test_a_width_below_one_is_refused():
    with pytest.raises(HowlkitError, match="the 0 likeliest steps"):
        session(SMALL, HEADS, "plain").likeliest_steps(0)

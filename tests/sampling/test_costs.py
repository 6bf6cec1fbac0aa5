"""What a step cost, under the model and under what it was drawn from."""

import numpy as np
import pytest
import torch

from howlkit import plugins
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.builtin.samplers import Autoregressive
from howlkit.head_options import HeadOptions
from howlkit.network.likelihood import Encoded, score
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import MARK
from howlkit.testing.fake_encoder import FakeEncoder
from tests.conftest import tune

SMALL = Tuple(grid=4, durations=4, velocities=4)
CASES = [
    (SMALL, HeadOptions(embedding=4, width=8), "plain"),
    (SMALL, HeadOptions(embedding=4, width=8), "compiled"),
    (SMALL, HeadOptions(embedding=4, width=8, chained=False), "compiled"),
    (FakeEncoder(), HeadOptions(embedding=4, width=8, components=2), "plain"),
    (plugins.create("encoder", "event"), HeadOptions(embedding=4, width=8), "compiled"),
]


def session(encoder=SMALL, heads=CASES[0][1], stepping="plain", rows=1, **limits):
    if stepping == "compiled":
        pytest.importorskip("numba")
    torch.manual_seed(0)
    model = Lstm(hidden=16, layers=1)
    network = model.build(encoder.schema, heads).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    network.embed.table.weight.data[0] = 0
    limit = Limit(**({"notes": 25, "ends": False} | limits))
    runner = make_runner(network, encoder.schema, model, stepping=stepping)
    return Session(runner, encoder, rows=rows, limit=limit), network


def nats_of(network, encoder, rows):
    encoded = Encoded(encoder.schema, rows, np.ones(len(rows)), np.ones(len(rows)), ("a",))
    return score(network, encoded).nats.sum(axis=1)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("encoder", "heads", "stepping"), CASES)
def test_the_costs_of_all_steps_are_the_nats_of_the_piece(encoder, heads, stepping, rows):
    made, network = session(encoder, heads, stepping, rows, ends=True)
    assert made.stepping == stepping
    total, bold = np.zeros(rows), SamplingParams(temperature=1.5, top_p=0.9)
    while not made.done.all():
        made.step(bold)
        total += made.cost
    wanted = nats_of(network, encoder, [made.steps[r, : made.lengths[r]] for r in range(rows)])
    assert total == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(("encoder", "heads", "stepping"), CASES)
def test_a_step_is_drawn_as_often_as_its_drawn_cost_says(encoder, heads, stepping, rows):
    made, _ = session(encoder, heads, stepping, rows)
    for _ in range(3):
        made.step()
    start = made.fork(same=True)
    start.rngs = [np.random.default_rng([9, row]) for row in range(rows)]
    params, length = SamplingParams(temperature=0.5, top_k=2), int(start.lengths[0])
    seen = {}
    for _ in range(400):
        start.step(params)
        for row in range(rows):
            step = start.steps[row, start.lengths[row] - 1].tobytes()
            seen.setdefault((row, step), []).append(start.drawn_cost[row])
        start.rewind(length)
    for costs in seen.values():
        assert np.ptp(costs) < 1e-6 and costs[0] >= 0
        chance = np.exp(-costs[0])
        assert len(costs) / 400 == pytest.approx(chance, abs=0.1)
    assert sum(np.exp(-costs[0]) for costs in seen.values()) < rows + 1e-6
    assert len(seen) > rows


def test_the_two_runners_give_the_same_costs():
    both = [session(stepping=stepping, rows=2)[0] for stepping in ("plain", "compiled")]
    params = SamplingParams(temperature=0.8, top_p=0.9, min_p=0.01)
    for _ in range(20):
        plain, compiled = both
        assert np.array_equal(plain.step(params), compiled.step(params))
        assert plain.cost == pytest.approx(compiled.cost, abs=1e-4)
        assert plain.drawn_cost == pytest.approx(compiled.drawn_cost, abs=1e-4)


@pytest.mark.parametrize("stepping", ["plain", "compiled"])
def test_without_freedom_a_draw_costs_nothing_and_a_function_changes_its_cost(stepping):
    made, _ = session(stepping=stepping)
    made.step(SamplingParams(temperature=0))
    assert made.drawn_cost.tolist() == [0] and made.cost[0] > 0

    def even(field, logits, given):
        return np.zeros_like(logits)

    made.step(functions=[even])
    grammar = made.fork()
    grammar.rewind(int(made.lengths[0]) - 1)
    step, nats = made.steps[:, -1], 0.0
    for field in SMALL.schema.decisions:
        if SMALL.schema.active(field, step)[0]:
            allowed = grammar._at.grammar.allowed(field, step)[0]
            nats += np.log(allowed.sum() if field.name != MARK.name else 1)
    assert made.drawn_cost[0] == pytest.approx(nats)


def test_costs_go_with_rows_and_are_unknown_where_no_step_was_decided():
    made, _ = session(rows=3, notes=4)
    assert np.isnan(made.cost).all() and np.isnan(made.drawn_cost).all()
    made.step()
    costs, drawn = made.cost, made.drawn_cost
    made.select([2, 0])
    assert np.allclose(made.cost, costs[[2, 0]]) and np.allclose(made.drawn_cost, drawn[[2, 0]])
    assert np.allclose(made.fork().cost, costs[[2, 0]])
    for change in (
        lambda: made.rewind(2),
        lambda: made.feed([made.encoder.encode(tune(bars=1))[1:1]] * 2),
        lambda: made.rewind(1) or made.prompt(tune(bars=1)),
    ):
        change()
        assert np.isnan(made.cost).all() and np.isnan(made.drawn_cost).all()
        made.step()
        assert (made.cost > 0).all()
    for _ in Autoregressive().generate(made):
        pass
    made.step()  # in rows that are done: nothing
    assert made.cost.tolist() == made.drawn_cost.tolist() == [0, 0]

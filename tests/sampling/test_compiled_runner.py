"""The compiled step makes what the plain one makes: distributions, decisions, errors."""

import sys

import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.event.encoder import Event
from howlkit.builtin.encoders.remi.encoder import Remi
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.encoders.voices.encoder import Voices
from howlkit.builtin.models.lstm_gru import Gru, Lstm
from howlkit.errors import HowlkitError
from howlkit.head_options import HeadOptions
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams, choose
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, START
from tests.conftest import random_piece, tune

pytest.importorskip("numba")

from howlkit.sampling import compiled_weights
from howlkit.sampling import drawing_kernels as kernels

HEADS = HeadOptions(True, embedding=4, width=8)
SMALL = Tuple(grid=4, durations=4, velocities=4)
ENCODERS = [
    SMALL,
    Tuple(grid=4, pitch="octave", tracks=3, pedals=True),
    Event(),
    Remi(),
    Voices(),
    Voices(steps="changes"),
]
NETWORKS = [
    (Lstm(hidden=16), HEADS),
    (Gru(hidden=16), HEADS),
    (Lstm(hidden=9), HeadOptions(True, embedding=4, width=8, input=6)),
    (Lstm(hidden=12, layers=3, block=3, block_width=10), HEADS),
    (
        Gru(hidden=12, layers=2, block=1, block_width=7),
        HeadOptions(chained=False, embedding=4, width=8),
    ),
]
SHAPINGS = [
    SamplingParams(),
    SamplingParams(temperature=0.7, top_k=5, top_p=0.9, min_p=0.02),
    SamplingParams(temperature=0),
    SamplingParams(temperature=1.3, top_p=0.97, typical_p=0.6),
]


def named(value):
    return getattr(value, "name", "")


def build(model, heads, encoder, seed=0):
    torch.manual_seed(seed)
    network = model.build(encoder.schema, heads)
    for weight in network.parameters():  # far from where all values are alike
        torch.nn.init.normal_(weight, std=0.4)
    network.embed.table.weight.data[0] = 0  # what is not active: always so
    return network


def sessions(encoder, network, model, rows=1, **limits):
    limit = Limit(**({"notes": 10**6, "ends": False} | limits))
    return [
        Session(
            make_runner(network, encoder.schema, model, stepping=stepping),
            encoder,
            rows=rows,
            limit=limit,
        )
        for stepping in ("plain", "compiled")
    ]


def feed(made, steps, t):
    made.feed([row[t : t + 1] for row in steps])


def prompts(encoder, rows, length):
    """Steps (length,) a row, without start and end; the same length in each."""
    pieces = [tune(seed, bars=6) if seed % 2 == 0 else random_piece(seed) for seed in range(rows)]
    steps = [encoder.encode(piece)[1:-1] for piece in pieces]
    return [row[: min(length, *map(len, steps))] for row in steps]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("encoder", ENCODERS, ids=named)
@pytest.mark.parametrize(("model", "heads"), NETWORKS, ids=named)
def test_decisions_on_forced_histories_are_those_of_the_plain_step(encoder, model, heads, rows):
    both = sessions(encoder, build(model, heads, encoder), model, rows)
    assert [made.stepping for made in both] == ["plain", "compiled"]
    steps = prompts(encoder, rows, 25)
    for t in range(len(steps[0])):
        decided = []
        for made in both:
            ahead = made.fork()
            ahead.rngs = [np.random.default_rng([t, row]) for row in range(rows)]
            decided.append(ahead.step(SHAPINGS[t % len(SHAPINGS)]))
            feed(made, steps, t)
        assert np.array_equal(*decided)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("model", "heads"), NETWORKS, ids=named)
def test_distributions_are_those_of_the_plain_step(model, heads, rows):
    plain, compiled = sessions(SMALL, build(model, heads, SMALL), model, rows)
    steps = prompts(SMALL, rows, 20)
    for t in range(len(steps[0])):
        step = np.stack([row[t] for row in steps])
        plain._rows.runner.begin(plain._at.hidden)
        compiled._rows.runner.begin(compiled._at.hidden)
        for field in SMALL.schema.decisions:
            values = step[field.name].astype(np.int64)
            wanted = plain._rows.runner._stepper.logits(field)
            got = decide(compiled._rows.runner, field, values)
            assert (got.softmax(-1) - wanted.softmax(-1)).abs().max() < 1e-4
            plain._rows.runner.accept(field, values, np.ones(rows, bool))
        feed(plain, steps, t)
        feed(compiled, steps, t)


def decide(runner, field, values):
    """Let the compiled step decide on values (B,); return the logits (B, n) that it had."""
    rows = len(values)
    scratch, step = runner._scratch(rows), runner.schema.steps(rows)
    arguments = np.zeros(rows), SamplingParams(), ()
    anything = np.tile(np.arange(field.n) != (START if field.name == "mark" else -1), (rows, 1))
    before = scratch.head_inputs.copy()
    runner.sample_field(field, step, np.ones(rows, bool), anything, *arguments)
    if rows == 1:
        logits = scratch.logits[runner._fields.begin[runner._position[field.name]] :][: field.n]
    else:
        logits = scratch.logits[: rows * field.n]
    logits = torch.from_numpy(logits.reshape(rows, field.n).copy())
    logits[torch.from_numpy(~anything)] = -torch.inf
    scratch.head_inputs[:] = before
    only = np.arange(field.n) == values[:, None]
    runner.sample_field(field, step, np.ones(rows, bool), only, *arguments)
    return logits


def test_a_draw_is_that_of_logits():
    rng = np.random.default_rng(0)
    for _ in range(3000):
        n = int(rng.integers(1, 140))
        logits = rng.normal(0, rng.choice([0.1, 3.0, 30.0]), n).astype(np.float32)
        if rng.random() < 0.5:
            logits = np.rint(logits)  # many are equal
        logits[rng.random(n) < rng.choice([0, 0.1, 1], p=[0.8, 0.15, 0.05])] = -np.inf
        logits[rng.random(n) < rng.choice([0, 0.1], p=[0.9, 0.1])] = np.inf
        least = int(rng.integers(0, n))
        allowed = rng.random(n) < 0.7
        if not allowed[least:].any():
            allowed[-1] = True
        shaping = SamplingParams(
            rng.choice([0, 0.5, 1, 2]), int(rng.choice([0, 1, 3, 20])),
            rng.choice([0, 0.4937, 0.98, 1]), rng.choice([0, 0.05, 0.5, 1]),
            rng.choice([0, 0.2037, 0.5119, 0.8937, 1]),
        )  # fmt: skip
        uniform = rng.random()
        below = np.arange(n) >= least
        wanted = choose(
            logits[None].astype(float), (allowed & below)[None], np.array([uniform]), shaping
        )
        shape = np.array(
            [shaping.temperature, shaping.top_k, shaping.top_p, shaping.min_p, shaping.typical_p]
        )
        work = np.zeros(n, np.float32)
        assert kernels.draw(logits, allowed, least, uniform, shape, work)[0] == wanted[0]


def test_faults_have_a_value_of_their_own():
    shape, work = np.array([1.0, 0, 1, 0, 1]), np.zeros(3, np.float32)
    logits, all_of_them = np.array([0, np.nan, 1], np.float32), np.ones(3, bool)
    assert kernels.draw(logits, all_of_them, 0, 0.5, shape, work)[0] == kernels.NOT_A_NUMBER
    assert kernels.draw(logits, all_of_them, 2, 0.5, shape, work)[0] == 2
    assert kernels.draw(logits, ~all_of_them, 0, 0.5, shape, work)[0] == kernels.NOTHING
    assert kernels.draw(logits, all_of_them, 3, 0.5, shape, work)[0] == kernels.NOTHING


@pytest.mark.parametrize("rows", [1, 2])
def test_the_same_seed_gives_the_same_steps_whatever_ran_before(rows):
    network = build(Lstm(hidden=16), HEADS, SMALL)
    made = [
        sessions(SMALL, network, Lstm(hidden=16), rows, notes=60, ends=True)[1] for _ in range(2)
    ]
    for session in made:
        while not session.done.all():
            session.step()
    assert np.array_equal(made[0].steps, made[1].steps)
    assert (made[0].steps["mark"] == END).any() or (made[0].notes == 60).all()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("encoder", [SMALL, Voices(), Voices(restrikes=False)], ids=named)
def test_a_step_decided_at_once_is_the_one_decided_field_by_field(monkeypatch, encoder, rows):
    network = build(Lstm(hidden=16), HEADS, encoder)
    made = [sessions(encoder, network, Lstm(hidden=16), rows, ends=True)[1] for _ in range(2)]
    for session in made:
        assert encoder.grammar(rows).step_mask() is not None or session is made[1]
        for _ in range(40):
            session.step(SHAPINGS[1])
        monkeypatch.setattr(type(encoder.grammar(rows)), "step_mask", lambda grammar: None)
    assert np.array_equal(made[0].steps, made[1].steps)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("encoder", [SMALL, ENCODERS[1]], ids=named)  # at once, and by field
def test_damaged_weights_are_an_error(encoder, rows):
    network = build(Lstm(hidden=16), HEADS, encoder)
    network.from_hidden.weight.data[:] = torch.nan
    with pytest.raises(HowlkitError, match="a logit is NaN"):
        for made in [sessions(encoder, network, Lstm(hidden=16), rows)[1]] * 3:
            made.step()


@pytest.mark.parametrize("rows", [1, 2])
def test_functions_on_logits_are_applied(rows):
    def high(field, logits, given):
        return np.where(np.arange(field.n) < 100, -1e9, logits) if field.name == "pitch" else logits

    for made in sessions(SMALL, build(Lstm(hidden=16), HEADS, SMALL), Lstm(hidden=16), rows):
        for number in range(20):
            made.step(functions=[high] if number % 2 else ())
        pitches = made.steps["pitch"][:, 2::2]
        assert (pitches >= 100).all() and (made.steps["pitch"][:, 1::2] < 100).any()


def test_a_network_whose_tables_would_fill_the_memory_is_stepped_plainly(monkeypatch):
    monkeypatch.setattr(compiled_weights, "LARGEST_TABLES", 1000)
    model = Lstm(hidden=8)
    network = model.build(SMALL.schema, HEADS)
    assert make_runner(network, SMALL.schema, model).name == "plain"
    with pytest.raises(HowlkitError, match=r"tables would be too large\. Choose plain, or auto"):
        make_runner(network, SMALL.schema, model, stepping="compiled")


def test_weights_of_another_precision_are_stepped_plainly():
    network = build(Lstm(hidden=8), HEADS, SMALL).double()
    assert make_runner(network, SMALL.schema, Lstm(hidden=8)).name == "plain"


def test_without_numba_a_session_is_plain(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in list(sys.modules):
        if name.startswith("howlkit.") and ("kernels" in name or "compiled" in name):
            monkeypatch.delitem(sys.modules, name)
            package, _, module = name.rpartition(".")
            monkeypatch.delattr(sys.modules[package], module, raising=False)
    network = build(Lstm(hidden=8), HEADS, SMALL)
    assert make_runner(network, SMALL.schema, Lstm(hidden=8)).name == "plain"
    with pytest.raises(
        HowlkitError, match=r"numba is not installed; pip install 'howlkit\[fast\]'"
    ):
        make_runner(network, SMALL.schema, Lstm(hidden=8), stepping="compiled")

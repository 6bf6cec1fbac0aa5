import numpy as np
import pytest
import torch

from howlkit.builtin.rnn import Gru, Lstm
from howlkit.builtin.tuple import Tuple
from howlkit.evaluate import to_tensors
from howlkit.heads import Heads
from howlkit.schema import END, START, Field, Schema
from howlkit.windows import cut, side_by_side
from tests.conftest import random_piece

EVENTS = Schema(
    (
        Field("family", 2),
        Field("pitch", 5, when=("family", (0,))),
        Field("length", 3, when=("pitch", (1, 2))),
        Field("tempo", 4, when=("family", (1,))),
    )
)
"""Fields that are there in some steps only, one of them at second hand."""


def small(schema, *, model=Lstm, chained=True, **options):
    torch.manual_seed(0)
    options = {"hidden": 12, "dropout": 0.0} | options
    return model(**options).build(schema, Heads(chained, 4, 8)).eval()


def batch_of(encoder, pieces):
    columns, lengths = side_by_side(encoder.schema, [encoder.encode(p) for p in pieces])
    (batch,) = cut(columns, lengths - 1, 10_000)
    return to_tensors(batch, torch.device("cpu"))


def every_step(schema):
    """All rows that mean something, each spelt once."""
    rows = []

    def grow(row, fields):
        if not fields:
            rows.append(row.copy())
            return
        field, *rest = fields
        if not schema.active(field, row)[0]:
            grow(row, rest)
            return
        for value in range(field.n):
            if (field.name, value) != ("mark", START):
                row[field.name] = value
                grow(row, rest)
        row[field.name] = 0

    grow(schema.steps(1), list(schema.decisions))
    return np.concatenate(rows)


@pytest.mark.parametrize("chained", [True, False])
def test_the_likelihood_of_a_step_is_normalised(chained):
    network = small(EVENTS, chained=chained)
    rows = every_step(EVENTS)
    assert len(rows) == 1 + (3 + 2 * 3) + 4
    targets = {n: torch.from_numpy(rows[n].astype(np.int64))[None] for n in rows.dtype.names}
    hidden = torch.randn(1, 1, network.backbone.width).expand(1, len(rows), -1)
    with torch.no_grad():
        nats = sum(network.nats(hidden, targets).values())
    assert torch.exp(-nats).sum().item() == pytest.approx(1.0, abs=1e-5)


def test_a_field_that_is_not_active_decides_nothing_for_those_after_it():
    network = small(EVENTS)
    given = EVENTS.steps(2)
    given["family"], given["pitch"] = 1, [0, 3]  # family 1 has no pitch, whatever stands there
    stepper = network.stepper()
    stepper.begin(torch.ones(2, network.backbone.width))
    for field in EVENTS.decisions[:4]:
        values = torch.from_numpy(given[field.name].astype(np.int64))
        stepper.decide(field, values, torch.from_numpy(EVENTS.active(field, given)))
    logits = stepper.logits(EVENTS["tempo"])
    assert torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("chained", [True, False])
def test_deciding_field_by_field_gives_the_likelihood_of_training(chained):
    encoder = Tuple()
    network = small(encoder.schema, chained=chained)
    inputs, targets, _ = batch_of(encoder, [random_piece(1, 12)])
    with torch.no_grad():
        hidden, _ = network.advance(inputs, None)
        nats = network.nats(hidden, targets)
        stepper = network.stepper()
        for t in range(hidden.shape[1]):
            given = {name: column[:, t] for name, column in targets.items()}
            stepper.begin(hidden[:, t])
            for field in encoder.schema.decisions:
                active = encoder.schema.active(field, given)
                if active.all():
                    cost = -torch.log_softmax(stepper.logits(field), -1)[0, given[field.name][0]]
                    assert cost.item() == pytest.approx(nats[field.name][0, t].item(), abs=1e-4)
                stepper.decide(field, given[field.name], active)


def test_chained_heads_look_only_at_fields_before_and_independent_ones_at_none():
    encoder = Tuple()
    for chained in (True, False):
        network = small(encoder.schema, chained=chained)
        inputs, targets, _ = batch_of(encoder, [random_piece(1, 12)])
        names = [field.name for field in encoder.schema.decisions]
        with torch.no_grad():
            hidden, _ = network.advance(inputs, None)
            before = network.nats(hidden, targets)
            changed = dict(targets, pitch=(targets["pitch"] + 1) % 128)
            after = network.nats(hidden, changed)
        same = {name: torch.allclose(before[name], after[name]) for name in names}
        at = names.index("pitch")
        assert all(same[name] for name in names[:at])
        assert not same["pitch"]
        assert all(same[name] != chained for name in names[at + 1 :])


def test_fields_that_are_not_active_cost_nothing_and_say_nothing():
    network = small(EVENTS)
    steps = EVENTS.steps(3)
    steps["family"] = [0, 1, 0]
    steps["mark"][2] = END
    odd = steps.copy()
    odd["tempo"][0] = 3  # no tempo in a step of family 0
    results = []
    for rows in (steps, odd):
        batch = {n: torch.from_numpy(rows[n].astype(np.int64))[None] for n in rows.dtype.names}
        with torch.no_grad():
            hidden, _ = network.advance(batch, None)
            results.append((hidden, network.nats(hidden, batch)))
    assert torch.equal(results[0][0], results[1][0])
    nats = results[0][1]
    assert nats["tempo"][0, 0] == 0 and nats["pitch"][0, 1] == 0 and nats["length"][0, 0] == 0
    assert nats["pitch"][0, 0] > 0 and nats["tempo"][0, 1] > 0 and nats["family"][0, 2] == 0


def test_a_start_is_never_predicted():
    network = small(EVENTS)
    stepper = network.stepper()
    stepper.begin(torch.randn(2, network.backbone.width))
    logits = stepper.logits(EVENTS["mark"])
    assert torch.isinf(logits[:, START]).all() and torch.isfinite(logits[:, :START]).all()


@pytest.mark.parametrize("model", [Lstm, Gru])
@pytest.mark.parametrize("block", [0, 3])
def test_carried_state_equals_one_pass(model, block):
    encoder = Tuple()
    network = small(encoder.schema, model=model, layers=2, block=block, block_width=7)
    inputs, _, _ = batch_of(encoder, [random_piece(1, 40), random_piece(2, 40)])
    with torch.no_grad():
        whole, end = network.advance(inputs, None)
        state, parts = None, []
        for begin in range(0, 41, 9):
            part = {name: column[:, begin : begin + 9] for name, column in inputs.items()}
            hidden, state = network.advance(part, state)
            parts.append(hidden)
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-6)
    for name in end:
        assert torch.allclose(state[name], end[name], atol=1e-6)


@pytest.mark.parametrize("model", [Lstm, Gru])
def test_each_row_advances_by_its_own_length_and_zero_freezes_it(model):
    encoder = Tuple()
    network = small(encoder.schema, model=model, layers=2)
    inputs, _, _ = batch_of(encoder, [random_piece(s, 20) for s in range(3)])
    with torch.no_grad():
        _, before = network.advance({n: c[:, :5] for n, c in inputs.items()}, None)
        rest = {n: c[:, 5:15] for n, c in inputs.items()}
        lengths = torch.tensor([10, 0, 4])
        hidden, state = network.advance(rest, before, lengths)
        for row, length in enumerate(lengths.tolist()):
            alone = {n: c[row : row + 1, : 5 + length] for n, c in inputs.items()}
            expected_hidden, expected = network.advance(alone, None)
            for name, part in expected.items():
                assert torch.allclose(state[name][row], part[0], atol=1e-6)
            if length:
                last = hidden[row, length - 1]
                assert torch.allclose(last, expected_hidden[0, -1], atol=1e-6)


@pytest.mark.parametrize("model", [Lstm, Gru])
@pytest.mark.parametrize("chained", [True, False])
def test_gradients_reach_every_parameter(model, chained):
    encoder = Tuple()
    network = small(encoder.schema, model=model, chained=chained, layers=2, block=2, block_width=6)
    inputs, targets, lengths = batch_of(encoder, [random_piece(s, 200) for s in range(4)])
    sums, _ = network(inputs, targets, lengths, None)
    sums.sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_padding_does_not_count():
    encoder = Tuple()
    network = small(encoder.schema)
    short, long = random_piece(1, 10), random_piece(2, 50)
    with torch.no_grad():
        together, _ = network(*batch_of(encoder, [short, long]), None)
        apart = [network(*batch_of(encoder, [piece]), None)[0] for piece in (short, long)]
    assert torch.allclose(together, apart[0] + apart[1], rtol=1e-5)

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Gru, Lstm
from howlkit.head_options import HeadOptions
from howlkit.network import embedding
from howlkit.network.batches import cut, side_by_side, to_tensors
from howlkit.network.heads import Logistics
from howlkit.schema import END, START, Field, Schema
from howlkit.testing.schemas import CONDITIONAL as EVENTS
from howlkit.testing.schemas import MIXED, every_step
from tests.conftest import random_piece


def small(schema, *, model=Lstm, heads=None, **options):
    torch.manual_seed(0)
    options = {"hidden": 12, "dropout": 0.0} | options
    heads = HeadOptions(**{"embedding": 4, "width": 8, "components": 3} | (heads or {}))
    return model(**options).build(schema, heads).eval()


def batch_of(encoder, pieces):
    columns, lengths = side_by_side(encoder.schema, [encoder.encode(p) for p in pieces])
    (batch,) = cut(columns, lengths - 1, 10_000)
    return to_tensors(batch, torch.device("cpu"))


@pytest.mark.parametrize("chained", [True, False])
@pytest.mark.parametrize("ordered", ["softmax", "logistics"])
@pytest.mark.parametrize("schema", [EVENTS, MIXED], ids=["events", "mixed"])
def test_the_likelihood_of_a_step_is_normalised(schema, chained, ordered):
    network = small(schema, heads={"chained": chained, "ordered": ordered})
    rows = every_step(schema)
    assert len(rows) == {EVENTS: 1 + (3 + 2 * 3) + 4, MIXED: 1 + (4 * 8 + 5 * 4) * 4}[schema]
    targets = {n: torch.from_numpy(rows[n].astype(np.int64))[None] for n in rows.dtype.names}
    hidden = 3 * torch.randn(1, 1, network.from_hidden.in_features).expand(1, len(rows), -1)
    with torch.no_grad():
        nats = sum(network.nats(hidden, targets).values())
    assert torch.exp(-nats).sum().item() == pytest.approx(1.0, abs=1e-5)


def test_squared_error_is_no_likelihood_and_says_so():
    network = small(MIXED, heads={"real": "squared"})
    said = {field.name: network.is_likelihood(field) for field in MIXED.decisions}
    assert [name for name, exact in said.items() if not exact] == ["level"]
    head = network.head(MIXED["level"])
    x = torch.randn(5, 8)
    mean = head._mean(x)[:, 0]
    cell = torch.tensor([0, 1, 2, 3, 4])
    assert torch.allclose(head.nats(x, cell), (mean - cell / 4) ** 2)
    assert torch.equal(head.logits(x).argmax(1), torch.round(mean * 4).long())


def test_a_mixture_of_logistics_is_finite_far_from_its_centres():
    head = Logistics(Field("x", 60_000, ordered=True), 8, 4)
    with torch.no_grad():
        head.out.bias.copy_(torch.tensor([0.0] * 4 + [-1.0] * 4 + [-30.0] * 4))
        nats = head.nats(torch.zeros(3, 8), torch.tensor([0, 30_000, 59_999]))
    assert torch.isfinite(nats).all() and nats[0] < nats[1]


@pytest.mark.parametrize("heads", [{}, {"chained": False}, {"ordered": "logistics"}], ids=str)
def test_training_starts_at_the_unigram_model(heads):
    network = small(MIXED, heads=heads)
    rows = every_step(MIXED)
    rows = rows[np.random.default_rng(0).choice(len(rows), 4000, p=_skewed(len(rows)))]
    counts = {}
    for field in MIXED.decisions:
        values = rows[field.name][MIXED.active(field, rows)]
        if field.kind == "bits":
            counts[field.name] = np.append(values.sum(0, dtype=np.int64), len(values))
        else:
            counts[field.name] = np.bincount(values, minlength=field.n)
    targets = {n: torch.from_numpy(rows[n].astype(np.int64))[None] for n in rows.dtype.names}
    hidden = torch.zeros(1, len(rows), network.from_hidden.in_features)
    means = []
    with torch.no_grad():
        for parameter in (network.from_hidden.bias, *network.embed.parameters()):
            parameter.zero_()
        for head in network.out.values():
            head.out.weight.zero_()
        for counted in ({name: np.ones_like(seen) for name, seen in counts.items()}, counts):
            network.start_at(counted)
            costs = network.nats(hidden, targets)
            means.append({name: cost.mean().item() for name, cost in costs.items()})
    for field in MIXED.decisions:
        if field.kind == "class" and not (heads and field.ordered):
            seen = counts[field.name] / counts[field.name].sum()
            entropy = -(seen * np.log(np.maximum(seen, 1e-12))).sum()
            share = counts[field.name].sum() / len(rows)
            assert means[1][field.name] == pytest.approx(entropy * share, rel=0.01, abs=1e-3)
        else:
            assert means[1][field.name] < means[0][field.name]


def _skewed(n):
    weights = 0.98 ** np.arange(n)
    return weights / weights.sum()


def test_a_field_that_is_not_active_decides_nothing_for_those_after_it():
    network = small(EVENTS)
    given = EVENTS.steps(2)
    given["family"], given["pitch"] = 1, [0, 3]  # family 1 has no pitch, whatever stands there
    stepper = network.stepper()
    stepper.begin(torch.ones(2, network.from_hidden.in_features))
    for field in EVENTS.decisions[:4]:
        values = torch.from_numpy(given[field.name].astype(np.int64))
        stepper.decide(field, values, torch.from_numpy(EVENTS.active(field, given)))
    logits = stepper.logits(EVENTS["tempo"])
    assert torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("chained", [True, False])
@pytest.mark.parametrize("ordered", ["softmax", "logistics"])
def test_deciding_choice_by_choice_gives_the_likelihood_of_training(chained, ordered):
    network = small(MIXED, heads={"chained": chained, "ordered": ordered})
    rows = every_step(MIXED)
    targets = {n: torch.from_numpy(rows[n].astype(np.int64))[None] for n in rows.dtype.names}
    hidden = torch.randn(1, len(rows), network.from_hidden.in_features)
    with torch.no_grad():
        nats = network.nats(hidden, targets)
        stepper = network.stepper()
        stepper.begin(hidden[0])
        for field in MIXED.decisions:
            active = torch.from_numpy(MIXED.active(field, rows))
            cost = torch.zeros(len(rows))
            if field.kind != "bits":
                values = targets[field.name][0]
                cost = -torch.log_softmax(stepper.logits(field), -1)
                cost = cost.gather(1, values[:, None])[:, 0]
                stepper.decide(field, values, active)
            else:
                last = torch.full((len(rows),), -1)
                for bit in range(field.n + 1):  # every choice of every row, one bit at a time
                    none = torch.tensor(bit == field.n)
                    on = (
                        torch.ones(len(rows), dtype=bool)
                        if none
                        else targets[field.name][0, :, bit] > 0
                    )
                    logits = stepper.logits(field)
                    logits = logits.masked_fill(
                        torch.arange(field.n + 1) <= last[:, None], -torch.inf
                    )
                    cost += -torch.log_softmax(logits, -1)[:, bit] * on
                    if not none:
                        stepper.decide(field, torch.full_like(last, bit), on & active)
                        last = torch.where(on, bit, last)
            assert torch.allclose(cost.where(active, 0), nats[field.name][0], atol=1e-4), field.name


def test_chained_heads_look_only_at_fields_before_and_independent_ones_at_none():
    encoder = Tuple()
    for chained in (True, False):
        network = small(encoder.schema, heads={"chained": chained})
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


@pytest.mark.parametrize("looked_up", [1024, 3])
@pytest.mark.parametrize("schema", [EVENTS, MIXED], ids=["events", "mixed"])
def test_what_fields_add_to_heads_is_the_same_by_tables_as_by_one_product(
    monkeypatch, schema, looked_up
):
    monkeypatch.setattr(embedding, "LOOKED_UP", looked_up)
    network, rows = small(schema), every_step(schema)
    steps = {n: torch.from_numpy(rows[n].astype(np.int64)) for n in rows.dtype.names}
    weight = (network.from_fields * network.head_mask).detach().requires_grad_()
    pull = torch.randn(len(rows), len(weight))
    found = []
    for projected in (
        network.embed.project(schema.decisions[:-1], steps, weight),
        F.linear(network.embed(steps), weight),
    ):
        projected.backward(pull)
        # What heads do not look at is masked out of the weights, and so of their gradient.
        gradients = [weight.grad * network.head_mask]
        for parameter in network.embed.parameters():  # None: no head looks at it
            seen = parameter.grad is not None
            gradients.append(parameter.grad.clone() if seen else torch.zeros_like(parameter))
        found.append((projected.detach(), *gradients))
        weight.grad = None
        network.embed.zero_grad()
    for ours, plain in zip(*found, strict=True):
        assert torch.allclose(ours, plain, atol=1e-5)


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
    stepper.begin(torch.randn(2, network.from_hidden.in_features))
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
    network = small(
        encoder.schema, model=model, heads={"chained": chained}, layers=2, block=2, block_width=6
    )
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


def test_a_locked_mask_is_the_same_for_all_steps_and_another_for_each_row():
    network = small(EVENTS, dropout=0.5, locked=True, hidden=64).train()
    torch.manual_seed(1)
    kept = network.backbone._drop(torch.ones(3, 9, 64)) > 0
    assert (kept == kept[:, :1]).all() and (kept[0, 0] != kept[1, 0]).any()
    free = small(EVENTS, dropout=0.5, hidden=64).train().backbone._drop(torch.ones(3, 9, 64)) > 0
    assert (free[:, 0] != free[:, 1]).any()


@pytest.mark.parametrize("model", [Lstm, Gru])
def test_recurrent_weights_are_dropped_in_training_only(model):
    plain, dropped = (small(EVENTS, model=model, weight_drop=drop) for drop in (0.0, 0.5))
    dropped.load_state_dict(plain.state_dict())
    x = torch.randn(2, 6, plain.heads.width_in(EVENTS))
    assert torch.equal(dropped.backbone(x, None)[0], plain.backbone(x, None)[0])
    plain.train(), dropped.train()
    y, still = dropped.backbone(x, None)[0], plain.backbone(x, None)[0]
    assert torch.allclose(y[:, 0], still[:, 0])  # nothing recurs before the first step
    assert not torch.allclose(y[:, 1:], still[:, 1:])
    y.sum().backward()
    assert dropped.backbone.layers[0].weight_hh_l0.grad.abs().sum() > 0


def test_heads_drop_what_they_are_given_in_training_only():
    network = small(EVENTS, heads={"dropout": 0.5})
    x = torch.randn(4, 8)
    head = network.head(EVENTS["family"])
    assert torch.equal(head.logits(x), head.logits(x))
    head.train()
    assert not torch.equal(head.logits(x), head.logits(x))


NEAR = Schema(
    (
        Field("pitch", 12, relative_to=(("sound", 2),)),
        Field("sound", 9, derived=True),
        Field("level", 3, relative_to=(("level", 0), ("pitch", -1))),
    )
)


def test_a_value_gets_its_share_by_how_far_it_is_from_the_one_before():
    network = small(NEAR, heads={"relative": True})
    for name in ("pitch", "level"):
        torch.nn.init.normal_(network.head(NEAR[name]).relative.weight)
    steps = {n: torch.zeros(1, 4, dtype=torch.long) for n in ("mark", "pitch", "sound", "level")}
    steps["sound"][0] = torch.tensor([3, 5, 0, 5])
    with torch.no_grad():
        hidden, _ = network.advance(steps, None)
        same = hidden[:, :1].expand(1, 4, -1).clone()  # all alike but for what is at hand
        same[..., -2:] = hidden[..., -2:]  # of pitch, and of level
        assert same[0, :, -2].tolist() == [5, 7, -1, 7] and (same[..., -1] == -1).all()
        stepper = network.stepper()
        stepper.begin(same[0])
        stepper.decide(NEAR["mark"], torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=bool))
        logits = stepper.logits(NEAR["pitch"])
        plain = logits[2]  # nothing is at hand
        assert torch.allclose((logits[0] - plain)[:10], (logits[1] - plain)[2:], atol=1e-5)
        assert torch.equal(logits[1], logits[3]) and not torch.allclose(logits[0], plain)
        values = torch.arange(12).repeat(2)
        targets = {n: torch.zeros(1, 24, dtype=torch.long) for n in steps} | {"pitch": values[None]}
        nats = network.nats(same[:, :2].repeat_interleave(12, 1), targets)
    expected = -torch.log_softmax(logits[:2], -1).flatten()
    assert torch.allclose(nats["pitch"][0], expected, atol=1e-5)


def test_a_value_is_near_to_one_decided_before_it_or_to_what_that_is_near_to():
    fields = [Field("high", 9, relative_to=(("sound", 1),)), Field("sound", 8, derived=True)]
    low = Field("low", 9, relative_to=(("low", 0), ("high", 2)))
    schema = Schema((*fields, low))
    for chained, at_hand in ((True, [[-1, 6], [-1, 4], [3, -1]]), (False, [[-1], [-1], [3]])):
        network = small(schema, heads={"relative": True, "chained": chained})
        assert network.relative.count(low) == len(at_hand[0])
        suffix = network.relative.suffix(
            {"sound": torch.tensor([[3, 3, 0]]), "low": torch.tensor([[0, 0, 3]])}
        )[0]
        references = network.relative.references(low, suffix, {"high": torch.tensor([4, 0, 0])})
        assert references.tolist() == at_hand


@pytest.mark.parametrize("chained", [True, False])
def test_values_near_to_each_other_are_decided_as_they_are_priced(chained):
    schema = Schema(
        (
            Field("high", 5, relative_to=(("high", 0),)),
            Field("low", 5, relative_to=(("low", 0), ("high", 0))),
            Field("level", 3, when=("low", (1, 2)), relative_to=(("low", 1),)),
        )
    )
    network = small(schema, heads={"relative": True, "chained": chained})
    for field in network.relative.fields:
        torch.nn.init.normal_(network.head(field).relative.weight)
    assert len(network.relative.fields) == (3 if chained else 2)
    rows = every_step(schema)
    targets = {n: torch.from_numpy(rows[n].astype(np.int64)) for n in rows.dtype.names}
    before = {n: torch.tensor([[value]]) for n, value in zip(targets, (0, 3, 0, 1), strict=True)}
    with torch.no_grad():
        hidden = network.advance(before, None)[0].expand(1, len(rows), -1)
        costs = network.nats(hidden, {n: column[None] for n, column in targets.items()})
        assert torch.exp(-sum(costs.values())).sum().item() == pytest.approx(1.0, abs=1e-5)
        stepper = network.stepper()
        stepper.begin(hidden[0])
        for field in schema.decisions:
            values, active = targets[field.name], torch.from_numpy(schema.active(field, rows))
            cost = -torch.log_softmax(stepper.logits(field), -1).gather(1, values[:, None])[:, 0]
            assert torch.allclose(cost.where(active, 0), costs[field.name][0], atol=1e-4)
            stepper.decide(field, values, active)


def test_steps_brought_to_another_width_are_priced_as_they_are_decided():
    wide, narrow = (small(NEAR, heads={"skip": True, "input": width}) for width in (0, 5))
    assert narrow.backbone.layers[0].input_size == 5 < wide.backbone.layers[0].input_size
    steps = {n: torch.randint(0, 3, (2, 7)) for n in ("pitch", "sound", "level")}
    steps["mark"] = torch.zeros(2, 7, dtype=torch.long)
    whole, _ = narrow.advance(steps, None)
    first, state = narrow.advance({n: c[:, :4] for n, c in steps.items()}, None)
    rest, _ = narrow.advance({n: c[:, 4:] for n, c in steps.items()}, state)
    assert torch.allclose(torch.cat((first, rest), 1), whole, atol=1e-6)

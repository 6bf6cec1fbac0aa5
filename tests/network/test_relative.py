"""Values that are relative to others: in the step before, or decided earlier in the same step."""

import numpy as np
import pytest
import torch

from howlkit.schema import Field, Schema
from howlkit.testing.schemas import every_step
from tests.network.test_heads import small

RELATIVE = Schema(
    (
        Field("pitch", 12, relative_to=(("sound", 2),)),
        Field("sound", 9, derived=True),
        Field("level", 3, relative_to=(("level", 0), ("pitch", -1))),
    )
)


def test_a_value_gets_a_share_of_its_logit_for_its_distance_from_the_one_before():
    network = small(RELATIVE, heads={"relative": True})
    for name in ("pitch", "level"):
        torch.nn.init.normal_(network.head(RELATIVE[name]).relative.weight)
    steps = {n: torch.zeros(1, 4, dtype=torch.long) for n in ("mark", "pitch", "sound", "level")}
    steps["sound"][0] = torch.tensor([3, 5, 0, 5])
    with torch.no_grad():
        hidden, _ = network.advance(steps, None)
        same = hidden[:, :1].expand(1, 4, -1).clone()  # alike but for the references
        same[..., -2:] = hidden[..., -2:]  # the references of pitch and of level
        assert same[0, :, -2].tolist() == [5, 7, -1, 7] and (same[..., -1] == -1).all()
        stepper = network.stepper()
        stepper.begin(same[0])
        stepper.decide(
            RELATIVE["mark"], torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=bool)
        )
        logits = stepper.logits(RELATIVE["pitch"])
        plain = logits[2]  # no reference
        assert torch.allclose((logits[0] - plain)[:10], (logits[1] - plain)[2:], atol=1e-5)
        assert torch.equal(logits[1], logits[3]) and not torch.allclose(logits[0], plain)
        values = torch.arange(12).repeat(2)
        targets = {n: torch.zeros(1, 24, dtype=torch.long) for n in steps}
        targets["pitch"] = values[None]
        nats = network.nats(same[:, :2].repeat_interleave(12, 1), targets)
    expected = -torch.log_softmax(logits[:2], -1).flatten()
    assert torch.allclose(nats["pitch"][0], expected, atol=1e-5)


def test_a_value_is_relative_to_one_decided_before_it_or_to_what_that_is_relative_to():
    fields = [Field("high", 9, relative_to=(("sound", 1),)), Field("sound", 8, derived=True)]
    low = Field("low", 9, relative_to=(("low", 0), ("high", 2)))
    schema = Schema((*fields, low))
    for chained, expected in ((True, [[-1, 6], [-1, 4], [3, -1]]), (False, [[-1], [-1], [3]])):
        network = small(schema, heads={"relative": True, "chained": chained})
        assert network.relative.count(low) == len(expected[0])
        suffix = network.relative.suffix(
            {"sound": torch.tensor([[3, 3, 0]]), "low": torch.tensor([[0, 0, 3]])}
        )[0]
        references = network.relative.references(low, suffix, {"high": torch.tensor([4, 0, 0])})
        assert references.tolist() == expected


@pytest.mark.parametrize("chained", [True, False])
def test_values_relative_to_each_other_are_decided_as_they_are_priced(chained):
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

"""Sessions of networks with everything that heads can be told: they go on, fork and go back."""

import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.head_options import HeadOptions
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.testing.networks import EVERY_INPUT, stir_weights

MODEL = Lstm(hidden=16, dropout=0.0)


def network_of(made, **heads):
    torch.manual_seed(0)
    small = {"embedding": 4, "width": 8}
    return stir_weights(MODEL.build(made.schema, HeadOptions(**small, **heads)).eval())


def inputs_of(name):
    """Everything that an encoder's network may be told; for notes as steps there is more."""
    more = {"repeats_by": "beats", "sounding": True, "votes": True} if name == "tuple" else {}
    return EVERY_INPUT | more


def session_of(made, network, rows=2):
    runner = make_runner(network, made.schema, MODEL, stepping="plain")
    return Session(runner, made, rows=rows, seed=3, limit=Limit(notes=200, ends=False))


@pytest.mark.parametrize("name", ["tuple", "event", "remi", "voices", "pianoroll"])
def test_a_session_forks_and_goes_back_to_the_same_state(name):
    made = encoder(name)
    session = session_of(made, network_of(made, **inputs_of(name)))
    for _ in range(40):
        session.step()
    steps, twin = session.steps.copy(), session.fork(same=True)
    session.rewind(11)
    session.feed(list(steps[:, 11:]))
    for part, state in session._at.state.items():
        assert torch.allclose(state.float(), twin._at.state[part].float(), atol=1e-4), part
    assert torch.allclose(session._at.hidden, twin._at.hidden, atol=1e-4)
    assert session._at.state["elapsed"].tolist() == [40, 40]


def test_what_steps_cost_while_they_are_made_is_what_the_whole_piece_costs():
    made = encoder("tuple")
    network, names = network_of(made, **inputs_of("tuple")), made.schema.dtype.names
    session, costs = session_of(made, network, rows=1), []
    for _ in range(60):
        session.step()
        costs.append(float(session.cost[0]))
    columns = {n: torch.from_numpy(session.steps[n].astype(np.int64)) for n in names}
    with torch.no_grad():
        hidden, _ = network.advance({n: c[:, :-1] for n, c in columns.items()}, None)
        nats = network.nats(hidden, {n: c[:, 1:] for n, c in columns.items()})
    assert np.allclose(sum(nats.values())[0].tolist(), costs, atol=1e-3)

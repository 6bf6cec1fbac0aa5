"""What the transformer must keep to: the contract, a bounded cache, and two ways to step."""

import dataclasses
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from howlkit_transformer import SIZES, Transformer

from howlkit import options, plugins
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music import Piece
from howlkit.network import Network
from howlkit.network.hidden_matrices import hidden_matrices
from howlkit.network.likelihood import unigram
from howlkit.sampling import Limit, Session, StoredNetwork, Trained, make_runner
from howlkit.schema import Field, Schema
from howlkit.testing import model_checks
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe
from howlkit.training.trainer import Trainer
from howlkit.training.windows import Windows

TINY = {"width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "window": 6}
ONE = Schema((Field("token", 12),))


class Stirred(Transformer):
    """The same with other weights at the start, since its own begin by adding nothing to x."""

    def build(self, schema, heads):
        network = super().build(schema, heads)
        with torch.no_grad():
            for parameter in network.backbone.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        return network


@pytest.mark.parametrize("check", model_checks(Transformer(**TINY)), ids=lambda check: check.name)
def test_it_keeps_to_the_contract_with_a_window_shorter_than_what_is_read(check):
    check()


@pytest.mark.parametrize(
    "check", model_checks(Transformer(width=32, layers=1)), ids=lambda check: check.name
)
def test_it_keeps_to_the_contract_with_a_window_that_is_never_full(check):
    check()


def test_it_is_installed_as_a_plugin():
    found = plugins.get("model", "transformer")
    assert found.cls is Transformer and found.distribution == "howlkit-transformer"


@pytest.mark.parametrize(("size", "millions"), [("tiny", 1), ("small", 5), ("medium", 25)])
def test_a_size_has_the_parameters_that_its_help_says(size, millions):
    with torch.device("meta"):
        network = Transformer(size=size).build(ONE, HeadOptions())
    parameters = sum(p.numel() for p in network.backbone.blocks.parameters())
    assert 0.85 * millions < parameters / 1e6 < 1.35 * millions


def test_the_large_size_has_100_million_parameters():
    with torch.device("meta"):
        network = Transformer(size="large").build(ONE, HeadOptions())
    assert 95e6 < sum(p.numel() for p in network.parameters()) < 105e6


def test_what_is_given_wins_over_the_size():
    model = options.build(Transformer, {"size": "small", "layers": 2})
    assert model.shape == SIZES["small"]._replace(layers=2)
    assert Transformer(width=64).shape[2:] == (1, 1)


@pytest.mark.parametrize("wrong", [{"heads": 5}, {"heads": 4, "kv_heads": 3}])
def test_heads_that_do_not_fit_are_refused_with_what_to_do(wrong):
    with pytest.raises(OptionError, match=r"transformer\.(width|kv_heads)"):
        options.build(Transformer, wrong)


# The cache -------------------------------------------------------------------------------------


@pytest.fixture
def network():
    """A small network with weights as after some training."""
    torch.manual_seed(3)
    return Stirred(**TINY).build(ONE, HeadOptions(embedding=8, width=16)).eval()


def tokens(rows, steps):
    torch.manual_seed(5)
    return {"mark": torch.zeros(rows, steps).long(), "token": torch.randint(4, (rows, steps))}


def test_a_new_run_is_trained_by_muon_and_a_stored_one_as_it_was():
    values = {"transformer": TINY}
    made = Recipe.choose("tuple", "transformer", values=values)
    assert made.training.optimizer == "muon" and made.model.taps == 4
    stored = made.to_json()
    del stored["training"]["optimizer"], stored["model"]["options"]["taps"]  # an earlier version
    again = Recipe.from_json(stored)
    assert again.training.optimizer == "adamw" and again.model.taps == 1
    names = dict(again.model.build(ONE, HeadOptions()).named_parameters())
    assert not any("mix" in name for name in names)


def test_muon_sees_queries_keys_values_gates_and_what_they_let_through():
    found = hidden_matrices(Transformer(**TINY).build(ONE, HeadOptions()))
    assert found["backbone.blocks.1.into.weight"] == (32, 16, 16)
    assert found["backbone.blocks.0.gated.weight"] == (96, 96)
    assert found["backbone.blocks.0.down.weight"] == found["backbone.enter.weight"] == (32,)
    assert "backbone.mix.taps" not in found


@pytest.mark.parametrize("taps", [1, 2])
def test_the_convolution_reaches_back_as_many_steps_as_it_says(taps):
    torch.manual_seed(0)
    model = Transformer(width=32, layers=1, heads=4, kv_heads=2, window=1, taps=taps)
    network = Stirred(**dataclasses.asdict(model)).build(ONE, HeadOptions(embedding=8)).eval()
    batch = tokens(1, 12)
    other = {name: column.clone() for name, column in batch.items()}
    other["token"][:, 2] += 3
    with torch.inference_mode():
        changed = (network.advance(batch, None)[0] != network.advance(other, None)[0]).any(-1)[0]
    assert changed.nonzero()[:, 0].tolist() == list(range(2, 2 + 1 + taps))


def part(batch, begin, stop):
    return {name: column[:, begin:stop] for name, column in batch.items()}


def test_the_state_stops_growing_when_the_window_is_full(network):
    state, sizes = None, []
    with torch.inference_mode():
        for _ in range(20):
            _, state = network.advance(tokens(2, 1), state)
            sizes.append(sum(value.numel() for value in state.values()))
    assert sizes[0] < sizes[5] == sizes[19]
    assert {name: value.shape[:2] for name, value in state.items() if name != "seen"} == {
        "0": (2, 6),
        "1": (2, 6),
        "past": (2, 3),
    }


def test_a_layer_sees_exactly_the_window(network):
    batch = tokens(1, 20)
    other = {name: column.clone() for name, column in batch.items()}
    other["token"][:, 2] += 3
    with torch.inference_mode():
        changed = (network.advance(batch, None)[0] != network.advance(other, None)[0]).any(-1)[0]
    # Two layers look back two windows of six steps, and the convolution three steps more.
    assert changed.nonzero()[:, 0].tolist() == list(range(2, 2 + 2 * 6 + 3 + 1))


def test_positions_are_relative_however_far_a_piece_has_come(network):
    batch = tokens(1, 12)
    with torch.inference_mode():
        hidden, state = network.advance(part(batch, 0, 8), None)
        start, _ = network.advance(part(batch, 8, 12), state)
        turned = {name: value.clone() for name, value in state.items()}
        # Keys are kept as they are at their positions: a turn of all waves leaves them there.
        turned["seen"] += 65536 * 40
        later, _ = network.advance(part(batch, 8, 12), turned)
    torch.testing.assert_close(later, start, rtol=0, atol=1e-6)
    assert hidden.isfinite().all()


def test_no_state_is_changed_by_going_on_from_it(network):
    batch = tokens(1, 12)
    with torch.inference_mode():
        _, state = network.advance(part(batch, 0, 8), None)
        before = {name: value.clone() for name, value in state.items()}
        first, _ = network.advance(part(batch, 8, 9), state)
        again, _ = network.advance(part(batch, 8, 9), state)
    assert torch.equal(first, again)
    assert all(torch.equal(state[name], before[name]) for name in state)


# The compiled step -----------------------------------------------------------------------------

compiled = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
MODEL = Transformer(**TINY)


def both(encoder, heads, *, rows=1):
    """Return a session stepped by torch, and one in compiled code, of one network."""
    torch.manual_seed(3)
    network = MODEL.build(encoder.schema, heads).eval()
    for weight in network.parameters():  # far from where blocks are the identity
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.2)
    network.embed.table.weight.data[0] = 0
    return [
        Session(
            make_runner(network, encoder.schema, MODEL, stepping=stepping),
            encoder,
            rows=rows,
            limit=Limit(ends=False),
        )
        for stepping in ("plain", "compiled")
    ]


@compiled
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("name", ["tuple", "pianoroll"])
def test_the_compiled_step_equals_the_plain_one(name, rows):
    encoder = plugins.create("encoder", name, {})
    sessions = both(encoder, HeadOptions(embedding=4, width=8), rows=rows)
    assert [session.stepping for session in sessions] == ["plain", "compiled"]
    for _ in range(25):  # more than the window
        steps = [session.step() for session in sessions]
        assert np.array_equal(*steps)
        plain, quick = (torch.as_tensor(session._at.hidden) for session in sessions)
        torch.testing.assert_close(plain, quick, rtol=0, atol=1e-4)


@compiled
def test_the_compiled_step_goes_on_from_rows_of_different_lengths():
    encoder = plugins.create("encoder", "tuple", {})
    plain, quick = both(encoder, HeadOptions(embedding=4, width=8), rows=2)
    steps = encoder.encode(phrase(1))[1:]
    for session in (plain, quick):
        session.feed([steps[:9], steps[:4]])
        session.select([1])
    for _ in range(12):
        assert np.array_equal(plain.step(), quick.step())


@compiled
def test_the_compiled_step_needs_no_torch():
    encoder = plugins.create("encoder", "tuple", {})
    heads = HeadOptions(embedding=4, width=8)
    stored = StoredNetwork.of(MODEL.build(encoder.schema, heads))

    def load():
        raise AssertionError("the network was loaded")

    runner = MODEL.compiled_runner(dataclasses.replace(stored, load=load))
    session = Session(runner, encoder, limit=Limit(ends=False))
    session.prompt([phrase(0)])
    assert not runner.needs_torch and len([session.step() for _ in range(20)]) == 20


# With the encoders -----------------------------------------------------------------------------


def phrase(seed):
    """Return a piece of four-note chords, eight bars of it."""
    rng = np.random.default_rng(seed)
    roots = 48 + rng.choice([0, 2, 4, 5, 7, 9, 11], 32)
    notes = [(480 * i, 460, int(root) + k) for i, root in enumerate(roots) for k in (0, 4, 7, 12)]
    return Piece.of(notes, name=f"phrase {seed}")


@pytest.mark.parametrize("encoder", ["tuple", "pianoroll", "remi", "voices"])
def test_it_trains_with_an_encoder_and_makes_music(encoder, tmp_path):
    pieces = [phrase(seed) for seed in range(4)]
    values = {"transformer": TINY, "heads": {"embedding": 4, "width": 8}}
    values["training"] = {"batch": 2, "window": 16, "carry": 4}
    recipe = Recipe.choose(encoder, "transformer", values=values)
    counts = np.array([len(piece) for piece in pieces])
    windows = Windows(pieces.__getitem__, counts, recipe.encoder, notes=16, carry=4, rows=2)
    facts = {"unigram": {n: seen.tolist() for n, seen in unigram(recipe.encoder, pieces).items()}}
    budget, device = Budget(steps=12), torch.device("cpu")
    Trainer(tmp_path, recipe, windows, None, budget=budget, facts=facts, device=device).train()
    made = Trained.from_pretrained(tmp_path)
    assert isinstance(made.network, Network)
    session = made.session(rows=2, seed=1, limit=Limit(ends=False))
    for _ in range(20):
        session.step()
    twin = session.fork(same=True)
    for _ in range(5):
        assert (session.step() == twin.step()).all()
    going = ~session.done
    dropped = [row[n - 3 : n] for row, n in zip(twin.steps, twin.lengths, strict=True)]
    twin.rewind(twin.lengths - 3)
    twin.feed(dropped)
    assert (session.step() == twin.step()).all() and going.all()
    assert all(isinstance(twin.piece(row), Piece) for row in range(2))


def test_a_session_makes_the_same_from_the_same_seed(network):
    encoder = plugins.create("encoder", "tuple", {})
    torch.manual_seed(1)
    model = Transformer(**TINY).build(encoder.schema, HeadOptions(embedding=4, width=8))
    made = []
    for _ in range(2):
        runner = make_runner(model, encoder.schema, MODEL)
        session = Session(runner, encoder, seed=7, limit=Limit(ends=False))
        made.append(np.stack([session.step() for _ in range(12)]))
    assert (made[0] == made[1]).all()

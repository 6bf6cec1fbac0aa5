"""What the state-space network must keep to: the contract, and that chunks change nothing."""

import numpy as np
import pytest
import torch
from howlkit_ssm import Ssm

from howlkit import options, plugins
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music import Piece
from howlkit.network.hidden_matrices import hidden_matrices
from howlkit.network.likelihood import unigram
from howlkit.sampling import Limit, Trained
from howlkit.schema import Field, Schema
from howlkit.testing import model_checks
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe
from howlkit.training.trainer import Trainer
from howlkit.training.windows import Windows

TINY = {"width": 24, "layers": 2, "inner": 32, "heads": 2, "states": 8}
ONE = Schema((Field("token", 12),))


class Stirred(Ssm):
    """The same with other weights at the start, since its own begin by adding nothing to x."""

    def build(self, schema, heads):
        network = super().build(schema, heads)
        with torch.no_grad():
            for parameter in network.backbone.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        return network


@pytest.mark.parametrize("check", model_checks(Ssm(**TINY)), ids=lambda check: check.name)
def test_it_keeps_to_the_contract(check):
    check()


def test_it_is_installed_as_a_plugin():
    found = plugins.get("model", "ssm")
    assert found.cls is Ssm and found.distribution == "howlkit-ssm"


def test_heads_that_do_not_fit_are_refused_with_what_to_do():
    with pytest.raises(OptionError, match=r"ssm\.inner=385"):
        options.build(Ssm, {"heads": 7})


@pytest.fixture
def network():
    """A small network with weights as after some training."""
    torch.manual_seed(3)
    return Stirred(**TINY).build(ONE, HeadOptions(embedding=8, width=16)).eval()


def tokens(rows, steps):
    torch.manual_seed(5)
    return {"mark": torch.zeros(rows, steps).long(), "token": torch.randint(12, (rows, steps))}


def part(batch, begin, stop):
    return {name: column[:, begin:stop] for name, column in batch.items()}


def read(network, batch, sizes):
    """Return hidden of a batch read in parts of these sizes, and the state after it."""
    parts, state, begin = [], None, 0
    with torch.inference_mode():
        for size in sizes:
            hidden, state = network.advance(part(batch, begin, begin + size), state)
            parts.append(hidden)
            begin += size
    return torch.cat(parts, 1), state


@pytest.mark.parametrize("sizes", [[1] * 150, [64, 64, 22], [3, 147], [70, 80]])
def test_steps_in_parallel_are_the_recurrence_however_they_are_cut(network, sizes):
    whole, end = read(network, tokens(2, 150), [150])
    parts, after = read(network, tokens(2, 150), sizes)
    torch.testing.assert_close(parts, whole, rtol=0, atol=2e-5)
    for name in end:
        torch.testing.assert_close(after[name], end[name], rtol=0, atol=2e-5)


def test_a_layer_is_the_recurrence_of_the_paper(network):
    """Compare with S_t = a_t S_(t-1) + b_t x_t^T, y_t = S_t^T c_t, step by step."""
    from howlkit_ssm.network import _remember

    torch.manual_seed(1)
    logs, x = -torch.rand(2, 9, 3), torch.randn(2, 9, 3, 4)
    b, c, state = torch.randn(2, 9, 5), torch.randn(2, 9, 5), torch.randn(2, 3, 5, 4)
    made, after = _remember(logs, x, b, c, state)
    for t in range(9):
        added = torch.einsum("bn,bhp->bhnp", b[:, t], x[:, t])
        state = logs[:, t].exp()[..., None, None] * state + added
        y = torch.einsum("bhnp,bn->bhp", state, c[:, t])
        torch.testing.assert_close(made[:, t], y, rtol=0, atol=1e-5)
    torch.testing.assert_close(after, state, rtol=0, atol=1e-5)


def test_the_state_never_grows(network):
    _, first = read(network, tokens(2, 1), [1])
    _, later = read(network, tokens(2, 300), [300])
    assert {n: v.shape for n, v in first.items()} == {n: v.shape for n, v in later.items()}


def test_rows_of_unlike_length_keep_to_it_beyond_a_chunk(network):
    batch, lengths = tokens(3, 140), torch.tensor([140, 0, 90])
    with torch.inference_mode():
        _, state = network.advance(part(batch, 0, 5), None)
        hidden, after = network.advance(part(batch, 5, 140), state, (lengths - 5).clamp(min=0))
        alone, own = network.advance({n: c[2:, :90] for n, c in batch.items()}, None)
    torch.testing.assert_close(hidden[2:, :85], alone[:, 5:], rtol=0, atol=2e-5)
    for name in after:
        torch.testing.assert_close(after[name][1], state[name][1], rtol=0, atol=0)
        torch.testing.assert_close(after[name][2:], own[name], rtol=0, atol=2e-5)


def test_gradients_stay_finite_where_all_is_forgotten_at_once(network):
    """A memory may decay to e to minus infinity within a chunk; the gradient must not be NaN."""
    network.train()
    with torch.no_grad():
        for layer in network.backbone.layers:
            layer.delta.fill_(80.0)
    hidden, _ = network.advance(tokens(2, 100), None)
    torch.autograd.backward(hidden.square().sum())
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def phrase(seed):
    """Return a piece of four-note chords, eight bars of it."""
    rng = np.random.default_rng(seed)
    roots = 48 + rng.choice([0, 2, 4, 5, 7, 9, 11], 32)
    notes = [(480 * i, 460, int(root) + k) for i, root in enumerate(roots) for k in (0, 4, 7, 12)]
    return Piece.of(notes, name=f"phrase {seed}")


@pytest.mark.parametrize("encoder", ["tuple", "pianoroll", "remi", "voices"])
def test_it_trains_with_an_encoder_and_makes_music(encoder, tmp_path):
    pieces = [phrase(seed) for seed in range(4)]
    values = {"ssm": TINY, "heads": {"embedding": 4, "width": 8}}
    values["training"] = {"batch": 2, "window": 16, "carry": 4}
    recipe = Recipe.choose(encoder, "ssm", values=values)
    counts = np.array([len(piece) for piece in pieces])
    windows = Windows(pieces.__getitem__, counts, recipe.encoder, notes=16, carry=4, rows=2)
    facts = {"unigram": {n: seen.tolist() for n, seen in unigram(recipe.encoder, pieces).items()}}
    budget, device = Budget(steps=12), torch.device("cpu")
    Trainer(tmp_path, recipe, windows, None, budget=budget, facts=facts, device=device).train()
    made = Trained.from_pretrained(tmp_path)
    session = made.session(rows=2, seed=1, limit=Limit(ends=False))
    for _ in range(20):
        session.step()
    twin = session.fork(same=True)
    for _ in range(5):
        assert (session.step() == twin.step()).all()
    dropped = [row[n - 3 : n] for row, n in zip(twin.steps, twin.lengths, strict=True)]
    twin.rewind(twin.lengths - 3)
    twin.feed(dropped)
    assert (session.step() == twin.step()).all()
    assert all(isinstance(twin.piece(row), Piece) for row in range(2))


def test_muon_trains_each_part_of_a_layer_by_itself():
    values = {"ssm": {"width": 16, "inner": 24, "heads": 3, "states": 4}}
    recipe = Recipe.choose("tuple", "ssm", values=values)
    assert recipe.training.optimizer == "muon"
    found = hidden_matrices(recipe.model.build(recipe.encoder.schema, recipe.heads))
    assert found["backbone.layers.1.into.weight"] == (24, 24, 4, 4, 3)
    assert found["backbone.layers.1.out.weight"] == (16,)
    assert not any("taps" in name for name in found)

"""Muon is torch's own, on blocks of the weights; its state is named by them, and stored."""

import pytest
import torch
from torch import nn

from howlkit.errors import OptionError
from howlkit.network.likelihood import unigram_nats
from howlkit.training import muon, optimizer
from howlkit.training.muon import MuonWithAdamW, orthogonalised
from howlkit.training.weights import read_tensors
from tests.training.test_trainer import trainer, windows_of_one_stretch

MUON = {"training": {"optimizer": "muon"}}
COEFFICIENTS = 3.4445, -4.775, 2.0315


def with_gradients(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return module


def two_lstms():
    torch.manual_seed(1)
    pair = nn.LSTM(5, 6), nn.LSTM(5, 6)
    pair[1].load_state_dict(pair[0].state_dict())
    return [with_gradients(each) for each in pair]


@pytest.mark.parametrize("fast", [True, False])
def test_each_gate_takes_the_step_that_torch_takes_for_it_alone(monkeypatch, fast):
    monkeypatch.setattr(muon, "_multiplies_bfloat16_fast", lambda: fast)
    ours, other = two_lstms()
    made = MuonWithAdamW(ours, 0.1, 0.05)
    gates = [nn.Parameter(gate.detach().clone()) for gate in other.weight_hh_l0.chunk(4)]
    alone = torch.optim.Muon(gates, 0.1, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    for seed in range(3):
        for gate, gradient in zip(
            gates, with_gradients(other, seed).weight_hh_l0.grad.chunk(4), strict=True
        ):
            gate.grad = gradient
        with_gradients(ours, seed)
        made.step()
        alone.step()
    close = {"rtol": 0, "atol": 0} if fast else {"rtol": 0, "atol": 0.01}  # bfloat16 has 8 bits
    assert torch.allclose(ours.weight_hh_l0, torch.cat(gates), **close)
    assert not torch.allclose(ours.weight_hh_l0, other.weight_hh_l0, atol=0.05)


def test_all_but_the_matrices_is_updated_by_adamw():
    ours, other = two_lstms()
    MuonWithAdamW(ours, 0.1, 0.05).step()
    optimizer.adamw(other, 0.1, 0.05).step()
    assert torch.equal(ours.bias_hh_l0, other.bias_hh_l0)
    assert not torch.equal(ours.weight_hh_l0, other.weight_hh_l0)


def test_orthogonalised_has_singular_values_near_one():
    torch.manual_seed(0)
    for shape in [(20, 20), (12, 30), (30, 12)]:
        made = orthogonalised(torch.randn(shape), COEFFICIENTS, steps=5)
        values = torch.linalg.svdvals(made)
        assert made.shape == shape and made.dtype == torch.float32
        assert float(values.min()) > 0.4 and float(values.max()) < 1.3
    assert not orthogonalised(torch.zeros(3, 4), COEFFICIENTS, steps=5).any()


def test_a_weight_that_moved_elsewhere_is_still_updated():
    """torch gives recurrent weights other memory, as when they go to a GPU."""
    (layer, _) = two_lstms()
    made = MuonWithAdamW(layer, 0.1, 0.0)
    layer.weight_hh_l0.data = layer.weight_hh_l0.data.clone()
    before = layer.weight_hh_l0.detach().clone()
    made.step()
    assert not torch.equal(layer.weight_hh_l0, before)


def test_a_network_without_matrices_is_told_what_to_take():
    with pytest.raises(OptionError, match="training.optimizer=adamw"):
        MuonWithAdamW(nn.Embedding(3, 4), 0.1, 0.0)


def test_state_is_named_by_weight_and_block_and_comes_back(tmp_path):
    made = trainer(tmp_path / "run", values=MUON, steps=10)
    made.train()
    (folder,) = (tmp_path / "run" / "checkpoints").glob("step-*")
    stored = read_tensors(folder / "optimizer.safetensors")
    name = "optimizer/muon/backbone.layers.0.weight_hh_l0/3/momentum_buffer"
    assert stored[name].shape == (24, 24)
    assert "optimizer/adamw/embed.table.weight/exp_avg" in stored
    again = trainer(tmp_path / "run", values=MUON, steps=10)
    again.resume()
    ours, theirs = (optimizer.tensors_of(each.optimizer) for each in (made, again))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_state_of_the_other_optimizer_is_refused(tmp_path, kind):
    networks = [trainer(tmp_path / f"run{n}", values=MUON).network for n in (0, 1)]
    made = [
        optimizer.new_optimizer(each, with_gradients(network), 0.01, 0.0)
        for each, network in zip(("adamw", "muon"), networks, strict=True)
    ]
    for each in made:
        each.step()
    mine, other = made if kind == "adamw" else made[::-1]
    with pytest.raises(ValueError, match="."):
        optimizer.load(mine, optimizer.tensors_of(other))


def test_muon_learns(tmp_path):
    made = trainer(
        tmp_path / "run", steps=60, values={"training": {**MUON["training"], "rate": 0.1}}
    )
    baseline = unigram_nats(made.facts["unigram"], made.validation).nats_per_note
    assert made.train().progress.best < 0.75 * baseline


def test_gradients_are_cleared_and_clipping_sees_them_all(tmp_path):
    made = trainer(tmp_path / "run", values=MUON)
    made._update(windows_of_one_stretch(made)[0], 100)
    assert all(weight.grad is None for weight in made.network.parameters())

"""A training that does not fit into memory is refused before it takes any."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from howlkit.errors import HowlkitError
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.network.free_memory import free_memory
from howlkit.network.network import Network
from howlkit.training.memory import MemoryCheck, bytes_of_batch, explained
from howlkit.training.recipe import Recipe
from howlkit.training.windows import Windows
from tests.conftest import tune

CPU = torch.device("cpu")


def check(model="lstm", encoder="tuple", tell=lambda line: None, **values):
    recipe = Recipe.choose(encoder, model, values=values)
    pieces = [tune(seed) for seed in range(6)]
    windows = Windows(
        pieces.__getitem__,
        np.array([len(piece) for piece in pieces]),
        recipe.encoder,
        notes=recipe.training.window,
        carry=recipe.training.carry,
        rows=recipe.training.batch,
    )
    return MemoryCheck(recipe, windows, CPU, tell=tell)


def built(checked):
    recipe = checked.recipe
    return recipe.model.build(recipe.encoder.schema, recipe.heads)


known = pytest.mark.skipif(
    free_memory(CPU) is None, reason="it is not known how much memory this machine has"
)
HUGE = {"hidden": 16384, "layers": 16}  # 33 billion weights: a TB to train


@known
def test_a_huge_network_is_refused_with_sizes_and_the_options_to_change():
    with pytest.raises(HowlkitError, match=r"33 billion weights takes \S+ [GT]B or more") as error:
        check(lstm=HUGE).before_building()
    said = str(error.value)
    assert "cpu has" in said and "-o lstm.hidden=" in said and "lstm.dropout" not in said


@known
def test_what_the_message_proposes_fits():
    with pytest.raises(HowlkitError) as error:
        check(lstm=HUGE).before_building()
    name, value = str(error.value).split("-o ")[1].split(",")[0].split("=")
    assert name == "lstm.hidden"
    check(lstm=HUGE | {"hidden": int(value)}).before_building()
    with pytest.raises(HowlkitError):
        check(lstm=HUGE | {"hidden": 2 * int(value)}).before_building()


@known
def test_the_command_refuses_at_once_and_makes_no_run(tmp_path, howlkit):
    for seed in range(6):
        midi.write(tune(seed), tmp_path / f"{seed}.mid")
    options = ["-o", "lstm.hidden=16000", "-o", "lstm.layers=16"]
    code, _, err = howlkit("train", tmp_path, *options, "--out-dir", tmp_path / "run")
    assert code == 1 and "does not fit into memory" in err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_ordinary_networks_fit():
    for model in ("lstm", "gru"):
        for encoder in ("tuple", "pianoroll"):
            checked = check(model, encoder)
            checked.before_building()
            checked.built(built(checked))


def test_a_network_that_cannot_be_built_without_memory_is_judged_when_it_is_built():
    class Own:
        name = "own"

        def build(self, schema, heads):
            device = torch.zeros(1).device
            if device.type == "meta":
                raise RuntimeError("this model needs values")
            return check().recipe.model.build(schema, heads)

    checked = check()
    object.__setattr__(checked.recipe, "model", Own())
    checked.before_building()
    checked.built(built(checked))


class Wide(torch.nn.Module):
    """A backbone of one weight whose output takes a terabyte for a batch, but not for 8 steps."""

    width = 1

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, state, lengths=None):
        rows, steps, _ = x.shape
        wide = torch.sin(self.scale * x.new_ones(rows, steps, 200_000))
        return wide.sum(-1, keepdim=True), {"seen": x.new_zeros(rows)}


@known
def test_a_batch_that_is_too_large_is_found_with_the_built_network():
    free = free_memory(CPU)
    checked = check(training={"batch": 65536, "window": 65536, "carry": 1})
    recipe, piece = checked.recipe, tune()
    many = np.full(free // (800_000 * len(piece)) + 6, len(piece))  # pieces, a row each
    network = Network(recipe.encoder.schema, HeadOptions(), Wide())
    windows = Windows(lambda i: piece, many, recipe.encoder, notes=65536, carry=1, rows=65536)
    large = MemoryCheck(recipe, windows, CPU)
    large.before_building()  # that would be an ordinary lstm
    with pytest.raises(HowlkitError, match=r"for a batch\), and cpu has .* -o training.batch="):
        large.built(network)


@pytest.mark.parametrize(("model", "encoder"), [("lstm", "tuple"), ("gru", "pianoroll")])
def test_the_bytes_of_a_batch_are_those_that_its_backward_pass_keeps(model, encoder):
    """Bits that are on cost more than those of the empty steps that the estimate is made of."""
    checked = check(model, encoder)
    network, schema = built(checked), checked.recipe.encoder.schema
    one, batch = (bytes_of_batch(network, schema, rows, 64) for rows in (1, 16))
    assert batch == pytest.approx(16 * one, rel=0.5) and batch > 2**20


def test_looking_leaves_weights_and_random_numbers_alone():
    checked = check(lstm={"dropout": 0.5})
    network = built(checked)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    checked.built(network)
    assert torch.equal(torch.get_rng_state(), state) and network.training
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_free_memory_is_not_more_than_the_machine_has():
    free = free_memory(CPU)
    assert free is None or 2**20 < free
    assert free_memory(torch.device("meta")) is None


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
)
def test_an_error_of_torch_for_want_of_memory_says_what_to_do(error):
    with pytest.raises(HowlkitError, match=r"-o training.batch=8 or -o training.window=64"):
        with explained(check().recipe):
            raise error


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shapes"), explained(check().recipe):
        raise RuntimeError("shapes do not fit")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux has them")
def test_memory_that_runs_out_in_training_is_one_line(tmp_path):
    for seed in range(6):
        midi.write(tune(seed), tmp_path / f"{seed}.mid")
    script = """
        import resource, sys
        import torch
        from howlkit.cli import main
        from howlkit.training.trainer import Trainer
        update = Trainer._update_window
        def limited(self, *batch):
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            most = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, most))
            return update(self, *batch)
        Trainer._update_window = limited
        main(sys.argv[1:])
    """
    options = ["-o", "lstm.hidden=900", "--steps", "2", "--out-dir", "run"]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), "train", ".", *options],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "memory ran out in training" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux has them")
def test_memory_that_runs_out_while_weights_are_saved_is_told_and_leaves_the_file(tmp_path):
    script = """
        import pathlib, resource
        import torch
        from howlkit.errors import HowlkitError
        from howlkit.training.memory import explained
        from howlkit.training.recipe import Recipe
        from howlkit.training.weights import write_tensors
        recipe, told = Recipe.choose("tuple", "lstm", values={}), 0
        file, size = pathlib.Path("weights"), 2**26
        tensors = {"weight": torch.zeros(size // 4)}
        write_tensors(file, {})  # what is imported late takes memory of its own
        before, most = file.read_bytes(), resource.getrlimit(resource.RLIMIT_AS)[1]
        for eighths in range(2, 48, 3):  # of the weights' own size: copies of them are made
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + size * eighths // 8, most))
            try:
                with explained(recipe):
                    write_tensors(file, tensors)
            except HowlkitError as error:
                assert "memory ran out" in str(error) and file.read_bytes() == before
                told += 1
            else:
                break
            finally:
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
        print(told, len(file.read_bytes()) - size > 0)
    """
    environment = {n: v for n, v in os.environ.items() if n != "RUST_BACKTRACE"}  # it takes memory
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told, written = done.stdout.split()
    assert int(told) > 3 and written == "True"

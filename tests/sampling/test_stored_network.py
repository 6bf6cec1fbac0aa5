"""A network as it lies on disk: sampled without torch, and loaded where something needs torch."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.howl import Howl
from howlkit.builtin.encoders.pianoroll.encoder import Pianoroll
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Gru, Lstm
from howlkit.errors import CheckpointError
from howlkit.head_options import HeadOptions
from howlkit.network.likelihood import unigram
from howlkit.sampling.limits import Limit
from howlkit.sampling.stored_network import StoredNetwork, UnsuitedError
from howlkit.sampling.trained import Trained
from howlkit.testing.schemas import MIXED
from howlkit.training.recipe import Recipe
from howlkit.training.weights import read_arrays, read_tensors, write_tensors
from tests.conftest import tune

SMALL = Tuple(grid=4, durations=4, velocities=4)
HEADS = HeadOptions(embedding=4, width=8)
MODELS = [
    (Lstm(hidden=9), HEADS),
    (Gru(hidden=8, layers=3), HeadOptions(chained=False, embedding=4, width=8)),
    (Lstm(hidden=7, layers=2, block=2, block_width=5), HeadOptions(embedding=4, width=8, input=6)),
    (Lstm(hidden=5), replace(HEADS, repeats=("all",), relative=True, skip=True, input=6)),
    (Lstm(hidden=5), replace(HEADS, ordered="logistics")),
]


@pytest.fixture
def run(tmp_path):
    return save(tmp_path / "run", Lstm(hidden=12))


def save(folder, model, heads=HEADS, *, encoder=SMALL):
    torch.manual_seed(0)
    counts = unigram(encoder, [tune(0)])
    facts = {"unigram": {name: seen.tolist() for name, seen in counts.items()}, "tempo": 500_000}
    recipe = Recipe(encoder, model, heads)
    return Trained(recipe, model.build(encoder.schema, heads), facts).save_pretrained(folder)


def rewrite(folder, change):
    path = folder / "model.safetensors"
    write_tensors(path, change(read_tensors(path)))


def play(trained, **choices):
    session = trained.session(seed=3, limit=Limit(notes=30, ends=False))
    while not session.done.all():
        session.step(**choices)
    return session.steps


@pytest.mark.parametrize("schema", [SMALL.schema, MIXED], ids=["tuple", "every kind of field"])
@pytest.mark.parametrize(("model", "heads"), MODELS)
def test_compiled_code_takes_every_weight_of_the_network_in_its_shape(model, heads, schema):
    pytest.importorskip("numba")
    stored = StoredNetwork.of(model.build(schema, heads))
    assert model.compiled_runner(stored).name == "compiled"
    for name, weight in stored.weights.items():
        missing = {other: w for other, w in stored.weights.items() if other != name}
        odd = stored.weights | {name: np.zeros((*weight.shape, 1), np.float32)}
        double = stored.weights | {name: weight.astype(np.float64)}
        for weights in (missing, odd, double):
            with pytest.raises(UnsuitedError, match=re.escape(name)):
                model.compiled_runner(replace(stored, weights=weights))
    more = stored.weights | {"backbone.other": np.zeros(1, np.float32)}
    with pytest.raises(UnsuitedError, match=r"backbone\.other"):
        model.compiled_runner(replace(stored, weights=more))


@pytest.mark.parametrize("kind", ["plain heads", "heads with hints", "pianoroll", "howl"])
def test_sampling_by_compiled_code_never_imports_torch(kind, tmp_path):
    pytest.importorskip("numba")
    encoder = {"pianoroll": Pianoroll(), "howl": Howl()}.get(kind, SMALL)
    heads = replace(HEADS, repeats=("all",), relative=True, skip=True)
    run = save(
        tmp_path / "run", Lstm(hidden=12), heads if "hints" in kind else HEADS, encoder=encoder
    )
    script = """
import sys
from howlkit.cli import main
try:
    main()
finally:
    print("torch" in sys.modules)
"""
    seen = {}
    for stepping in ("compiled", "plain") if kind == "plain heads" else ("compiled",):
        arguments = ["sample", str(run), "--notes", "20", "--stepping", stepping]
        arguments += ["--out", str(tmp_path / f"{stepping}.mid")]
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
        )
        seen[stepping] = done.stdout.strip()
    wanted = {"compiled": "False", "plain": "True"}
    assert seen == {stepping: wanted[stepping] for stepping in seen}


def test_stored_and_loaded_are_one_network(run):
    pytest.importorskip("numba")
    stored = Trained.from_pretrained(run)
    assert isinstance(stored.held, StoredNetwork) and not stored.needs_torch
    loaded = Trained(stored.recipe, stored.network, stored.facts)
    assert loaded.session().stepping == stored.session().stepping == "compiled"
    assert np.array_equal(play(stored), play(loaded))


def test_functions_on_logits_change_what_it_makes(run):
    def high(field, logits, given):
        return np.where(np.arange(field.n) < 100, -1e9, logits) if field.name == "pitch" else logits

    steps = play(Trained.from_pretrained(run), functions=[high])
    assert (steps["pitch"][0, 1:] >= 100).all()


@pytest.mark.parametrize("stepping", ["auto", "plain"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {n: t for n, t in w.items() if n != "from_fields"}, "from_fields is nothing"),
        (lambda w: w | {"from_hidden.bias": torch.zeros(3)}, r"from_hidden.bias is \(3,\)"),
        (lambda w: w | {"from_hidden.bias": w["from_hidden.bias"].double()}, "float64"),
        (lambda w: w | {"from_hidden.bias": w["from_hidden.bias"].bfloat16()}, "bfloat16"),
    ],
)
def test_weights_that_do_not_fit_are_an_error(run, change, message, stepping):
    rewrite(run, change)
    with pytest.raises(CheckpointError, match=message):
        Trained.from_pretrained(run, stepping=stepping)


def test_arrays_are_what_was_written_and_damage_is_seen(tmp_path):
    path = tmp_path / "x.safetensors"
    wanted = {"b": torch.arange(6.0).view(2, 3), "a": torch.tensor([True, False]),
              "c": torch.tensor(5), "d": torch.zeros(0, 2, dtype=torch.float64)}  # fmt: skip
    write_tensors(path, wanted)
    arrays = read_arrays(path)
    assert {name: array.tolist() for name, array in arrays.items()} == {
        name: tensor.tolist() for name, tensor in wanted.items()
    }
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    for read in (read_arrays, read_tensors):
        with pytest.raises(CheckpointError, match="is damaged"):
            read(path)
        with pytest.raises(CheckpointError, match="cannot be read"):
            read(tmp_path / "none")

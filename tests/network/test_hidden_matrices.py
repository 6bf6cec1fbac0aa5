import pytest
import torch
from torch import nn

from howlkit import plugins
from howlkit.errors import PluginError
from howlkit.head_options import HeadOptions
from howlkit.network.hidden_matrices import hidden_matrices
from howlkit.schema import Field, Schema

SCHEMA = Schema((Field("pitch", 20), Field("chord", 6, kind="bits")))


def network(name, **options):
    model = plugins.create("model", name, options)
    return model.build(SCHEMA, HeadOptions(embedding=4, width=8))


@pytest.mark.parametrize(("name", "gates"), [("lstm", 4), ("gru", 3)])
def test_each_gate_and_each_head_is_a_matrix_of_its_own(name, gates):
    made = network(name, hidden=10, layers=2, block=1, block_width=12)
    found = hidden_matrices(made)
    for layer in (0, 1):
        for weight in ("weight_ih_l0", "weight_hh_l0"):
            assert found.pop(f"backbone.layers.{layer}.{weight}") == (10,) * gates
    assert found.pop("backbone.block.0.weight") == (12,)
    assert found == {"from_hidden.weight": (8,) * 3, "from_fields": (8,) * 3}


def test_embeddings_last_layers_and_vectors_are_not_hidden():
    made = network("lstm", hidden=10)
    rest = {name for name, _ in made.named_parameters()} - set(hidden_matrices(made))
    assert all(
        ".bias" in name or name.startswith(("embed.", "out.")) or name == "from_hidden.bias"
        for name in rest
    )
    assert {
        "embed.table.weight",
        "embed.linear.of_chord.weight",
        "out.of_pitch.out.weight",
        "out.of_chord.on",
    } <= rest


class Declaring(nn.Module):
    def __init__(self, row_blocks):
        super().__init__()
        self.wide, self.taps = nn.Linear(4, 6), nn.Parameter(torch.zeros(4, 4))
        self.row_blocks = row_blocks


def test_a_module_says_which_blocks_its_weights_hold():
    assert hidden_matrices(Declaring({})) == {"wide.weight": (6,)}
    assert hidden_matrices(Declaring({"wide.weight": [4, 2]})) == {"wide.weight": (4, 2)}
    assert hidden_matrices(Declaring({"wide.weight": ()})) == {}
    assert hidden_matrices(Declaring({"taps": (4,)})) == {"wide.weight": (6,), "taps": (4,)}


@pytest.mark.parametrize("wrong", [{"wide.weight": (4, 4)}, {"wise": (6,)}, {"wide.bias": (6,)}])
def test_blocks_that_do_not_fit_are_the_authors_to_mend(wrong):
    with pytest.raises(PluginError, match=r"row_blocks says that 'wi.*author"):
        hidden_matrices(Declaring(wrong))

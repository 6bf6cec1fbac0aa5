"""Every component there is keeps to its contract, and every encoder goes with every model.

Components that are added to the built-in ones are covered from then on; installed ones of others
are theirs to check.
"""

from itertools import product

import numpy as np
import pytest
import torch

from howlkit import options
from howlkit.head_options import HeadOptions
from howlkit.music.piece import Piece
from howlkit.network.likelihood import unigram
from howlkit.plugins import KINDS, Plugins
from howlkit.sampling.limits import Limit
from howlkit.sampling.trained import Trained
from howlkit.testing import CHECKS, encoder_checks
from howlkit.testing.fake_encoder import FakeEncoder
from howlkit.testing.pieces import metres, performance, tune
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe, TrainingOptions
from howlkit.training.trainer import Trainer
from howlkit.training.windows import Windows

COMPONENTS = Plugins.load([]).components
SMALL = {"hidden": 16, "layers": 2, "block": 1, "block_width": 8, "width": 16}
"""Options of models, where they have them, so that the tests are quick."""


def small(component):
    """A component with its defaults; of a model, a small one."""
    if component.kind != "model":
        return options.build(component.cls, {})
    there = {option.name for option in options.describe(component.cls)}
    return options.build(component.cls, {n: v for n, v in SMALL.items() if n in there})


def named(kind):
    return {c.name: small(c) for c in COMPONENTS if c.kind == kind}


KNOWN = {
    ("howl", "drums stay drums"): "as in the original, all that is played is one piano",
}
"""Where a component departs from its contract, as docs/encoders.md says: (component, check)."""


def marked(check):
    name = f"{check.component.name}-{check.name}"
    reason = KNOWN.get((check.component.name, check.name))
    marks = [] if reason is None else [pytest.mark.xfail(strict=True, reason=reason)]
    return pytest.param(check, id=name, marks=marks)


# What needs a soundfont is checked with one, in test_renderers.py.
READY = [c for c in COMPONENTS if not getattr(small(c), "missing", "")]

EVERY_CHECK = [marked(check) for c in READY for check in CHECKS[c.kind](small(c))]


@pytest.mark.parametrize("check", EVERY_CHECK)
def test_every_component_keeps_to_its_contract(check):
    check()


@pytest.mark.parametrize("check", encoder_checks(FakeEncoder()), ids=lambda check: check.name)
def test_the_encoder_that_samplers_are_checked_with_keeps_to_its_contract(check):
    check()


def test_every_kind_of_component_has_checks():
    assert set(CHECKS) == set(KINDS)


def trained(encoder, model, *, chained, folder):
    """The model after three steps of training, stored and loaded."""
    pieces = [tune(1, 4), tune(2, 4), metres(3, 60), performance(4, 60)]
    heads = HeadOptions(chained=chained, embedding=4, width=8)
    recipe = Recipe(encoder, model, heads, training=TrainingOptions(batch=2, window=16, carry=2))
    counts = np.array([len(piece) for piece in pieces])
    windows = Windows(pieces.__getitem__, counts, encoder, notes=16, carry=2, rows=2)
    facts = {"unigram": {n: seen.tolist() for n, seen in unigram(encoder, pieces).items()}}
    budget, device = Budget(steps=3), torch.device("cpu")
    Trainer(folder, recipe, windows, None, budget=budget, facts=facts, device=device).train()
    return Trained.from_pretrained(folder)


@pytest.mark.parametrize("chained", [True, False], ids=["chained", "independent"])
@pytest.mark.parametrize(
    ("encoder", "model"), [*product(named("encoder"), named("model"))], ids=str
)
def test_any_encoder_model_and_sampler_go_together(encoder, model, chained, tmp_path):
    parts = named("encoder")[encoder], named("model")[model]
    made = trained(*parts, chained=chained, folder=tmp_path / "run")
    for sampler in named("sampler").values():
        session = made.session(rows=2, seed=1, limit=Limit(notes=1000, ends=False))
        for number, step in enumerate(sampler.generate(session), 1):
            assert step.shape == (session.rows,)  # some have rows more meanwhile
            if number == 30:
                break
        assert session.rows == 2
        for row in range(2):
            assert session.lengths[row] >= 31 and isinstance(session.piece(row), Piece)
            assert len(session.piece(row)) >= session.notes[row]

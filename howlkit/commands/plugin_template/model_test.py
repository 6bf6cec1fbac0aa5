"""The contract of a model, and what this one does."""

from collections.abc import Callable

import pytest
import torch

from howlkit.testing import model_checks

from howlkit.commands.plugin_template.model import Stencil
from howlkit.commands.plugin_template.model.backbone import Stack

# Small, because the checks build it about fifty times; deep enough to see a phrase.
CHECKS = model_checks(Stencil(width=32, layers=4))


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_it_sees_as_far_back_as_it_says() -> None:
    torch.manual_seed(0)
    backbone = Stack(3, 8, layers=4, dropout=0.0)
    x = torch.randn(1, 40, 3, requires_grad=True)
    backbone(x, None)[0][0, -1, 0].backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(1).nonzero()[:, 0]
    assert seen.tolist() == list(range(40 - 2**4, 40))

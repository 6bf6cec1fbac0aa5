"""The contract of a sampler, and what this one does."""

from collections.abc import Callable

import numpy as np
import pytest

from howlkit.sampling import Limit
from howlkit.testing import sampler_checks, session

from howlkit.commands.plugin_template.sampler import Stencil

CHECKS = sampler_checks(Stencil())


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_it_is_bold_and_then_sure() -> None:
    heat = Stencil(temperature=1.0, depth=0.5, beats=8).heat(np.array([0.0, 2.0, 4.0, 6.0]))
    np.testing.assert_allclose(heat, [1, 1.5, 1, 0.5])


def test_without_depth_it_is_plain_sampling() -> None:
    limit = Limit(notes=20, ends=False)
    waves, plain = session(limit=limit), session(limit=limit)
    for step in Stencil(depth=0.0).generate(waves):
        assert (step == plain.step()).all()

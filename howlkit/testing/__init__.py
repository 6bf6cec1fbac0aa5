"""Checks for your own components, the ones that `howlkit plugins check` runs, for your tests.

    from howlkit.testing import check_encoder

    def test_contract():
        check_encoder(Intervals())

A check that fails raises CheckFailed, an AssertionError. Its message gives the law, the input, the
expected and the actual result, and where to look. `encoder_checks` and the functions named like it
return the checks one by one, so that a test can be parametrized over them:

    >>> from howlkit.testing import augmenter_checks
    >>> from howlkit.builtin.augmenters import Transpose
    >>> [check.name for check in augmenter_checks(Transpose())][:2]
    ['is described', 'options are stored']

`session` makes a small session to try a sampler on, `new_notes` choices to try a rule on.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from howlkit.testing.augmenters import augmenter_checks, check_augmenter
from howlkit.testing.checks import Check, CheckFailed
from howlkit.testing.choices import new_notes
from howlkit.testing.constraints import check_constraint, constraint_checks
from howlkit.testing.encoders import check_encoder, encoder_checks
from howlkit.testing.models import check_model, model_checks
from howlkit.testing.renderers import check_renderer, renderer_checks
from howlkit.testing.samplers import check_sampler, sampler_checks, session
from howlkit.testing.sources import check_source, source_checks
from howlkit.testing.writers import check_writer, writer_checks

__all__ = [
    "CHECKS",
    "Check",
    "CheckFailed",
    "augmenter_checks",
    "check_augmenter",
    "check_constraint",
    "check_encoder",
    "check_model",
    "check_renderer",
    "check_sampler",
    "check_source",
    "check_writer",
    "constraint_checks",
    "encoder_checks",
    "model_checks",
    "new_notes",
    "renderer_checks",
    "sampler_checks",
    "session",
    "source_checks",
    "writer_checks",
]

CHECKS: Mapping[str, Callable[[Any], tuple[Check, ...]]] = MappingProxyType(
    {
        "encoder": encoder_checks,
        "augmenter": augmenter_checks,
        "model": model_checks,
        "sampler": sampler_checks,
        "constraint": constraint_checks,
        "source": source_checks,
        "writer": writer_checks,
        "renderer": renderer_checks,
    }
)
"""The function that returns a component's checks, by the kind of the component."""

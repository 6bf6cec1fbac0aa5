"""What a run advises on drawing values, where people say nothing of it.

An encoder may know that one temperature does not suit all of its fields
(`protocols.AdvisingEncoder`); a run keeps that among its facts, so that what was trained before
goes on as it was. It holds for the fields of which nothing is said, and only where nothing is said
of all fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from howlkit import options, plugins
from howlkit.sampling.logits import PARAMETERS

__all__ = ["FACT", "advised"]

FACT = "sampling"
"""The name of the advice among the facts of a run."""


def advised(
    facts: Mapping[str, Any], sampler: str, given: Mapping[str, object]
) -> dict[str, object]:
    """Return the options of a sampler, with those that the run advises where none are given.

    facts: of the run. given: options by name; those of a field by its name, or with a dot.

    >>> facts = {"sampling": {"pitch": {"temperature": 0.8}, "velocity": {"top_p": 1.0}}}
    >>> advised(facts, "autoregressive", {"velocity.top_p": 0.9})
    {'pitch': {'temperature': 0.8}, 'velocity.top_p': 0.9}
    >>> advised(facts, "autoregressive", {"temperature": 1.0})
    {'temperature': 1.0}
    >>> advised(facts, "beam", {})
    {}
    """
    advice = facts.get(FACT) or {}
    described = options.describe(plugins.get("sampler", sampler).cls)
    by_field = any(option.name.startswith("NAME") for option in described)
    if not by_field or any(name in given for name in PARAMETERS):
        return dict(given)
    said = {name.partition(".")[0] for name in given}
    return {name: dict(own) for name, own in advice.items() if name not in said} | dict(given)

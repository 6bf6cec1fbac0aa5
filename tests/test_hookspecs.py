"""The hooks, the contracts and docs/hooks.md say the same."""

import inspect
import re
from pathlib import Path

import pytest

from howlkit import hookspecs
from howlkit.plugins.contracts import CONTRACTS
from howlkit.plugins.loading import HOOKS
from howlkit.protocols import Backbone, Grammar

DOCS = (Path(__file__).parents[1] / "docs/hooks.md").read_text()


@pytest.mark.parametrize("hook", [name for name in vars(hookspecs) if name.startswith("register_")])
def test_every_hook_is_a_heading_of_the_docs_with_its_exact_signature(hook):
    function = getattr(hookspecs, hook)
    (line,) = re.findall(r"^def .*", inspect.getsource(function), re.MULTILINE)
    parameters = ", ".join(inspect.signature(function).parameters)
    assert f"## {hook}({parameters})\n\n```python\n{line.removesuffix(':')}\n```\n" in DOCS
    assert inspect.getdoc(function) in DOCS


def test_the_docs_have_no_hook_that_there_is_not():
    assert set(re.findall(r"^## (register_\w+)", DOCS, re.MULTILINE)) == set(HOOKS.values())


def bare_signature(method):
    """Return the signature without self and annotations, as the docs write it."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters])


@pytest.mark.parametrize("contract", [*CONTRACTS.values(), Grammar, Backbone])
def test_every_method_of_the_contracts_is_in_the_docs(contract):
    for name, member in vars(contract).items():
        if inspect.isfunction(member) and (name == "__call__" or name[0] != "_"):
            assert f"`{name}{bare_signature(member)}`" in DOCS

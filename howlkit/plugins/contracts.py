"""The contract of each kind of component, held against a class, an object or what a call returned.

What a plugin returns against its contract would show itself later, somewhere in the core, as
somebody else's fault. So it is a PluginError at once: it names the component and its distribution,
says what came and what is needed.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType
from typing import Any

import numpy as np

from howlkit.errors import PluginError
from howlkit.plugins.attribution import owner_of
from howlkit.protocols import (
    Augmenter,
    Constraint,
    Encoder,
    FittingEncoder,
    Model,
    Renderer,
    Sampler,
    SelectingEncoder,
    Source,
    Writer,
)

__all__ = [
    "CONTRACTS",
    "KINDS",
    "advice",
    "contract_error",
    "is_array",
    "missing_members",
    "wrong_calls",
    "wrong_signature",
]

CONTRACTS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "encoder": Encoder,
        "augmenter": Augmenter,
        "model": Model,
        "sampler": Sampler,
        "constraint": Constraint,
        "source": Source,
        "writer": Writer,
        "renderer": Renderer,
    }
)
KINDS = tuple(CONTRACTS)

CAPABILITIES: Mapping[str, tuple[type[Any], ...]] = MappingProxyType(
    {"encoder": (FittingEncoder, SelectingEncoder)}
)
"""By kind, the contracts whose own methods a component may have or not."""

PLURAL = ("bools", "integers", "numbers")

LONGEST = 200  # characters of a value that a message shows


def missing_members(cls: type[Any], contract: type[Any]) -> list[str]:
    """Return the names of the contract's methods and properties that a class does not have."""
    return [
        name
        for name, member in vars(contract).items()
        if (callable(member) or isinstance(member, property))
        and _is_public(name)
        and not _has(cls, name, contract)
    ]


def _is_public(name: str) -> bool:
    return name == "__call__" or not name.startswith("_")


def _has(cls: type[Any], name: str, contract: type[Any]) -> bool:
    """Return whether a class, or a parent other than the contract itself, defines `name`."""
    # Not hasattr: every class has a __call__, which makes instances.
    return any(name in vars(parent) for parent in cls.__mro__ if parent is not contract)


def wrong_calls(cls: type[Any], kind: str) -> str:
    """Return what is wrong with the first method that refuses a call of the core; "" if none."""
    for contract in (CONTRACTS[kind], *CAPABILITIES.get(kind, ())):
        for name, member in vars(contract).items():
            method = inspect.getattr_static(cls, name, None)
            if not isinstance(member, FunctionType) or not _is_public(name):
                continue
            if isinstance(method, FunctionType | staticmethod | classmethod):
                wrong = wrong_signature(method.__get__(object(), cls), contract, name)
                if wrong:
                    return wrong
    return ""


def wrong_signature(method: Callable[..., Any], contract: type[Any], name: str) -> str:
    """Return what is wrong with a method, looked up on its object, that refuses the core's calls.

    Returns "" where it takes them, and where Python knows no signature of it.
    """
    wanted = _bare(inspect.signature(vars(contract)[name]))
    parameters = list(wanted.parameters.values())[1:]  # without self
    given = [None for each in parameters if each.kind is not each.KEYWORD_ONLY]
    keywords = {each.name: None for each in parameters if each.kind is each.KEYWORD_ONLY}
    try:
        own = _bare(inspect.signature(method))
    except (TypeError, ValueError):
        return ""
    try:
        own.bind(*given, **keywords)
        own.bind(*given)  # what can be named can be left out
    except TypeError as error:
        call = _bare(inspect.Signature(parameters))
        return f"{name}{own} cannot be called as {name}{call} ({error}): write def {name}{wanted}"
    return ""


def _bare(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature without annotations."""
    empty = inspect.Signature.empty
    parameters = [each.replace(annotation=empty) for each in signature.parameters.values()]
    return inspect.Signature(parameters)


def contract_error(
    component: object, call: str, got: object, wanted: str, *, verb: str = "returned"
) -> PluginError:
    """Return the error for what a call of a component returned: its owner, and what is needed."""
    return PluginError(
        f"{owner_of(component)}: {call} {verb} {_described(got)}; {wanted} "
        f"{'are' if wanted.startswith(PLURAL) else 'is'} needed{advice(component)}"
    )


def advice(component: object) -> str:
    """Return what to do about a component that breaks its contract."""
    return f". It is for its author to mend: howlkit plugins check {getattr(component, 'name', '')}"


def _described(value: Any) -> str:  # noqa: ANN401 - whatever a call returned
    """Return what a value is, in a few words."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "shape"):
        return f"a tensor of shape {tuple(value.shape)} and dtype {value.dtype}"
    if dataclasses.is_dataclass(value) or not isinstance(value, str | int | float | tuple):
        return f"a {type(value).__name__}"
    return f"the {type(value).__name__} {value!r:.{LONGEST}}"


def is_array(value: object, shape: tuple[int, ...], kinds: str) -> bool:
    """Say whether a value is an array of this shape, with a dtype of one of numpy's `kinds`."""
    return isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind in kinds

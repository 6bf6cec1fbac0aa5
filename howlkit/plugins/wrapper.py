"""What stands around a component: whoever calls the component calls this, which calls it.

A wrapper is the component's equal: it has its name and options as attributes, compares, hashes and
prints as the component does, and pickles. Only what asks for the dataclass itself (its class, its
fields) must take it out with `unwrapped`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self, cast

from howlkit.errors import PluginError
from howlkit.plugins.attribution import owner_of, record_owner
from howlkit.plugins.contracts import advice, contract_error, wrong_calls

__all__ = ["Wrapper", "unwrapped"]


def unwrapped(component: Any) -> Any:  # noqa: ANN401 - of any kind
    """Return the component itself, the dataclass, of one that may be wrapped."""
    return component._component if isinstance(component, Wrapper) else component


class Wrapper:
    """A component of one kind, all of its calls checked; a subclass a kind."""

    __slots__ = ("_component",)

    name: ClassVar[str]  # the component's

    def __init__(self, component: Any, kind: str) -> None:  # noqa: ANN401 - of any kind
        self._component = component
        wrong = wrong_calls(type(component), kind)
        if wrong:
            raise self._refusal(wrong)

    @classmethod
    def of(cls, component: Any) -> Self:  # noqa: ANN401 - of any kind
        """Return the component wrapped; one that is wrapped already as it is.

        Raises PluginError if what the component says of itself is wrong.
        """
        if isinstance(component, cls):
            return component
        make = cast(Callable[[Any], Self], cls)  # each subclass knows its kind
        return make(component)

    def _error(self, call: str, got: object, wanted: str, *, verb: str = "returned") -> PluginError:
        return contract_error(self._component, call, got, wanted, verb=verb)

    def _refusal(self, what: str) -> PluginError:
        return PluginError(f"{owner_of(self._component)}: {what}{advice(self._component)}")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the component has
        # Not what Python itself looks up: a copy must be a wrapper, and have its component.
        if name == "_component" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._component, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._component == unwrapped(other))

    def __hash__(self) -> int:
        return hash(self._component)

    def __repr__(self) -> str:
        return repr(self._component)

    def __reduce__(self) -> tuple[Any, ...]:
        owner = owner_of(self._component)
        return _rewrapped, (type(self), self._component, owner)


def _rewrapped(cls: type[Wrapper], component: object, owner: str) -> Wrapper:
    """Return what was pickled; the owner comes too: this process may have loaded no plugin."""
    record_owner(type(component), owner)
    return cls.of(component)

"""Plugins: lists the installed components of every kind; `create` makes one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.plugins.checked import unwrapped
    from howlkit.plugins.registry import (
        BUILTINS,
        KINDS,
        RESTRICTION,
        Component,
        Failure,
        Plugins,
        components,
        create,
        failures,
        get,
        left_out,
        load,
        require_all,
    )

__all__ = [
    "BUILTINS",
    "KINDS",
    "RESTRICTION",
    "Component",
    "Failure",
    "Plugins",
    "components",
    "create",
    "failures",
    "get",
    "left_out",
    "load",
    "require_all",
    "unwrapped",
]

_HOMES = {
    "BUILTINS": "registry",
    "KINDS": "registry",
    "RESTRICTION": "registry",
    "Component": "registry",
    "Failure": "registry",
    "Plugins": "registry",
    "components": "registry",
    "create": "registry",
    "failures": "registry",
    "get": "registry",
    "left_out": "registry",
    "load": "registry",
    "require_all": "registry",
    "unwrapped": "checked",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

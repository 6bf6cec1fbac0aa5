"""Music as values: a Piece, its tables, and what reads, writes, names and draws it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.music.piece import (
        DRUMS,
        FOREVER,
        KEY_SIGNATURE,
        MAX_TICK,
        NOTE,
        PEDAL,
        TEMPO,
        TIME_SIGNATURE,
        Piece,
        last_at_each_tick,
    )

__all__ = [
    "DRUMS",
    "FOREVER",
    "KEY_SIGNATURE",
    "MAX_TICK",
    "NOTE",
    "PEDAL",
    "TEMPO",
    "TIME_SIGNATURE",
    "Piece",
    "last_at_each_tick",
]

_HOMES = {
    "DRUMS": "piece",
    "FOREVER": "piece",
    "KEY_SIGNATURE": "piece",
    "MAX_TICK": "piece",
    "NOTE": "piece",
    "PEDAL": "piece",
    "TEMPO": "piece",
    "TIME_SIGNATURE": "piece",
    "Piece": "piece",
    "last_at_each_tick": "piece",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

"""Music as values: a Piece, its tables, and what reads, writes, names and draws it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howlkit.music.extras import BEND, CONTROL, PRESSURE, Extras, Text
    from howlkit.music.onsets import moved
    from howlkit.music.piece import Piece
    from howlkit.music.tables import (
        DRUMS,
        FOREVER,
        KEY_SIGNATURE,
        MAX_TICK,
        NOTE,
        PEDAL,
        TEMPO,
        TIME_SIGNATURE,
        last_at_each_tick,
    )

__all__ = [
    "BEND",
    "CONTROL",
    "DRUMS",
    "FOREVER",
    "KEY_SIGNATURE",
    "MAX_TICK",
    "NOTE",
    "PEDAL",
    "PRESSURE",
    "TEMPO",
    "TIME_SIGNATURE",
    "Extras",
    "Piece",
    "Text",
    "last_at_each_tick",
    "moved",
]

_HOMES = {
    "BEND": "extras",
    "CONTROL": "extras",
    "DRUMS": "tables",
    "FOREVER": "tables",
    "KEY_SIGNATURE": "tables",
    "MAX_TICK": "tables",
    "NOTE": "tables",
    "PEDAL": "tables",
    "PRESSURE": "extras",
    "TEMPO": "tables",
    "TIME_SIGNATURE": "tables",
    "Extras": "extras",
    "Piece": "piece",
    "Text": "extras",
    "last_at_each_tick": "tables",
    "moved": "onsets",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

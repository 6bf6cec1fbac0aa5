"""What people ask a model for: settings of a passage, read from an ask and written back the same.

A passage keeps its settings with the seed filled in, so that the same ask makes the same music from
the same piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

__all__ = ["CONTROLS", "Control", "GoOn", "Remake", "wishes"]


@dataclass(frozen=True)
class Control:
    """A control of the page: the argument of `howlkit.Trained.sample` of the same name."""

    name: str
    kind: Literal["text", "range", "number", "whole", "programs"]
    text: str
    example: Any


CONTROLS = (
    Control("key", "text", "New notes lie in a key or a scale.", "D minor"),
    Control("range", "range", "The lowest and the highest pitch; 60 is middle C.", [48, 84]),
    Control("instruments", "programs", "Which instruments play new notes.", [40, 42]),
    Control("max_polyphony", "whole", "How many notes sound at once at most.", 3),
    Control("density", "text", "About how many notes begin in a beat or a second.", "4/beat"),
    Control("chords", "text", "A chord a bar: strong beats keep to it.", "Dm | Gm | A7 | Dm"),
    Control("temperature", "number", "Below 1 surer, above 1 bolder.", 0.9),
    Control("top_p", "number", "Leaves out what is least likely; 1 leaves out nothing.", 0.98),
)
"""All controls, as `hello` lists them."""


@dataclass(frozen=True)
class GoOn:
    """Go on from a tick: `PROTOCOL.md`, `go_on`.

    bars, beats: how much; one of them is None. tracks: None: any.
    """

    at: int
    bars: int | None = 8
    beats: float | None = None
    tracks: tuple[int, ...] | None = None
    clear: bool = False
    seed: int | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "go_on"

    def to_json(self) -> dict[str, Any]:
        """Return it as it is asked for."""
        return {
            **{"do": self.kind, "at": self.at, "bars": self.bars, "beats": self.beats},
            **{"tracks": _listed(self.tracks), "clear": self.clear, "seed": self.seed},
            "controls": dict(self.controls),
        }


@dataclass(frozen=True)
class Remake:
    """Make a region anew: `PROTOCOL.md`, `remake`. candidates: None: the studio's choice."""

    begin: int
    stop: int
    tracks: tuple[int, ...] | None = None
    keep: Literal["rhythm", "pitches"] | None = None
    takes: int = 4
    candidates: int | None = None
    seed: int | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "remake"

    def to_json(self) -> dict[str, Any]:
        """Return it as it is asked for."""
        return {
            **{"do": self.kind, "begin": self.begin, "stop": self.stop},
            **{"tracks": _listed(self.tracks), "keep": self.keep, "takes": self.takes},
            **{"candidates": self.candidates, "seed": self.seed, "controls": dict(self.controls)},
        }


def wishes(controls: Mapping[str, Any]) -> dict[str, Any]:
    """Return controls as arguments of `Trained.sample`: drums by their name."""
    said = {name: value for name, value in controls.items() if value is not None}
    if "instruments" in said:
        said["instruments"] = ["drums" if p == 128 else p for p in said["instruments"]]
    return said


def _listed(tracks: tuple[int, ...] | None) -> list[int] | None:
    return None if tracks is None else list(tracks)

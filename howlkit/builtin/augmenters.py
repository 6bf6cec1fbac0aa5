"""Augmenters `transpose`, `stretch` and `velocity`, drawn anew for every window.

Each changes a Piece into a Piece, before encoding, so that it serves every encoder. `preset=howl`
gives the ranges of the original: semitones in [-11, 11], time factors in [0.5, 2], volume in [0.8,
1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, TEMPO
from howlkit.options import option
from howlkit.protocols import Augmenter

__all__ = ["Stretch", "Transpose", "Velocity"]

Preset = Literal["default", "howl"]
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Transpose:
    """Move all pitches by one number of semitones; drums stay."""

    low: int = option(-5, "least semitones", low=-127, high=127)
    high: int = option(6, "most semitones", low=-127, high=127)
    at_edge: Literal["limit", "octave"] = option(
        "limit", "limit: draw only what fits 0..127; octave: fold what leaves it back by octaves"
    )
    preset: Preset = option("default", "howl: -11..11, octave")

    name: ClassVar[str] = "transpose"
    howl: ClassVar[Settings] = MappingProxyType({"low": -11, "high": 11, "at_edge": "octave"})

    def __post_init__(self) -> None:
        """Refuse an empty range, and one beside a preset."""
        _check(self)

    def __call__(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """Return the piece, moved by a whole number of semitones drawn evenly from low..high."""
        settings = _settings(self)
        low, high = settings["low"], settings["high"]
        melodic = piece.notes["program"] != DRUMS
        pitches = piece.notes["pitch"][melodic].astype(np.int64)
        if not len(pitches):
            return piece
        if settings["at_edge"] == "limit":
            low, high = max(low, -int(pitches.min())), min(high, 127 - int(pitches.max()))
            if low > high:  # what was asked for does not fit at all
                return piece
        semitones = int(rng.integers(low, high + 1))
        notes, keys = piece.notes.copy(), piece.key_signatures.copy()
        notes["pitch"][melodic] = _fold(pitches + semitones)
        # A semitone up is seven fifths up; keys are named with -5 (D flat) to 6 (F sharp) sharps.
        keys["sharps"] = (keys["sharps"].astype(np.int64) + 7 * semitones + 5) % 12 - 5
        return piece.replace(notes=notes, key_signatures=keys)


@dataclass(frozen=True)
class Stretch:
    """Play faster or slower: every beat lasts the same factor longer."""

    low: float = option(0.9, "least factor; below 1 is faster", low=0.01, high=100.0)
    high: float = option(1.1, "greatest factor", low=0.01, high=100.0)
    preset: Preset = option("default", "howl: 0.5..2")

    name: ClassVar[str] = "stretch"
    howl: ClassVar[Settings] = MappingProxyType({"low": 0.5, "high": 2.0})

    def __post_init__(self) -> None:
        """Refuse an empty range, and one beside a preset."""
        _check(self)

    def __call__(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """Return the piece with its tempo map scaled; encoders that count in beats see no change.

        The factor is drawn evenly between low and high, as Howl's.
        """
        factor = _factor(self, rng)
        tempos = piece.tempos
        if not len(tempos) or tempos["tick"][0] > 0:  # the implied 120 beats a minute
            tempos = np.concatenate((np.array([(0, 500_000)], TEMPO), tempos))
        tempos = tempos.copy()
        scaled = np.rint(tempos["microseconds"] * factor)
        tempos["microseconds"] = np.clip(scaled, 1, 2**24 - 1)
        return piece.replace(tempos=tempos)


@dataclass(frozen=True)
class Velocity:
    """Play softer or louder: every velocity times one factor."""

    low: float = option(0.85, "least factor", low=0.01, high=10.0)
    high: float = option(1.15, "greatest factor", low=0.01, high=10.0)
    preset: Preset = option("default", "howl: 0.8..1")

    name: ClassVar[str] = "velocity"
    howl: ClassVar[Settings] = MappingProxyType({"low": 0.8, "high": 1.0})

    def __post_init__(self) -> None:
        """Refuse an empty range, and one beside a preset."""
        _check(self)

    def __call__(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """Return the piece with every velocity scaled by one factor, and kept within 1..127."""
        notes = piece.notes.copy()
        scaled = np.rint(notes["velocity"] * _factor(self, rng))
        notes["velocity"] = np.clip(scaled, 1, 127)
        return piece.replace(notes=notes)


def _factor(options: Stretch | Velocity, rng: np.random.Generator) -> float:
    """Return a factor drawn evenly from the component's range."""
    settings = _settings(options)
    return float(rng.uniform(settings["low"], settings["high"]))


def _settings(options: Transpose | Stretch | Velocity) -> Settings:
    """Return what counts: the preset's settings, or those of the component."""
    if options.preset == "howl":
        return options.howl
    return {name: getattr(options, name) for name in options.howl}


def _check(options: Transpose | Stretch | Velocity) -> None:
    """Raise OptionError for an empty range, or a setting of one's own beside a preset's."""
    name, low, high = options.name, options.low, options.high
    if low > high:
        raise OptionError(f"{name}: low={low} is above high={high}; swap them")
    # A dataclass keeps its defaults as attributes of the class.
    own = [key for key in options.howl if getattr(options, key) != getattr(type(options), key)]
    if options.preset != "default" and own:
        raise OptionError(
            f"{name}: {own[0]}={getattr(options, own[0])} and preset={options.preset} contradict "
            f"each other, since the preset settles {', '.join(options.howl)}; leave out one of them"
        )


def _fold(pitches: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return pitches moved by octaves into 0..127; the semitone stays."""
    # Down by whole octaves from above 127, up from below 0.
    above = np.maximum(-(-(pitches - 127) // 12), 0)
    below = np.maximum(-(pitches // 12), 0)
    return np.asarray(pitches - 12 * above + 12 * below)


@hookimpl
def register_augmenters(register: Callable[[type[Augmenter]], None]) -> None:
    """Register the three."""
    register(Transpose)
    register(Stretch)
    register(Velocity)

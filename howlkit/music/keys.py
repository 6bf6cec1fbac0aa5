"""Keys, modes and scales: from what people write to pitch classes, and from music to its key.

Pitch classes are 0 (C) to 11 (B).

Source of the profiles by which a key is found: C. L. Krumhansl and E. J. Kessler, "Tracing the
dynamic changes in perceived tonal organization in a spatial representation of musical keys",
Psychological Review 89 (1982); of the method: C. L. Krumhansl, "Cognitive Foundations of Musical
Pitch" (1990), chapter 4.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError, did_you_mean
from howlkit.music.piece import Piece
from howlkit.music.pitch_names import ROOT, pitch_class, plain_accidentals
from howlkit.music.tables import DRUMS

__all__ = ["SCALES", "Key", "key_of", "profiles"]

SCALES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "major": (0, 2, 4, 5, 7, 9, 11),
        "minor": (0, 2, 3, 5, 7, 8, 10),
        "natural minor": (0, 2, 3, 5, 7, 8, 10),
        "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
        # Both ways: the sixth and seventh degrees are raised going up, and natural going down.
        "melodic minor": (0, 2, 3, 5, 7, 8, 9, 10, 11),
        "ionian": (0, 2, 4, 5, 7, 9, 11),
        "dorian": (0, 2, 3, 5, 7, 9, 10),
        "phrygian": (0, 1, 3, 5, 7, 8, 10),
        "lydian": (0, 2, 4, 6, 7, 9, 11),
        "mixolydian": (0, 2, 4, 5, 7, 9, 10),
        "aeolian": (0, 2, 3, 5, 7, 8, 10),
        "locrian": (0, 1, 3, 5, 6, 8, 10),
        "major pentatonic": (0, 2, 4, 7, 9),
        "minor pentatonic": (0, 3, 5, 7, 10),
        "blues": (0, 3, 5, 6, 7, 10),
        "whole tone": (0, 2, 4, 6, 8, 10),
        "chromatic": tuple(range(12)),
    }
)
"""The semitones from the tonic to each note of a scale."""

_SHORT = {
    "m": "minor",
    "M": "major",
    "min": "minor",
    "maj": "major",
    "": "major",
    "pentatonic": "major pentatonic",
}
"""Other words for scales."""

_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""How well each pitch class fits a key, from the tonic up (Krumhansl and Kessler)."""


@dataclass(frozen=True)
class Key:
    """A tonic and the pitch classes of its scale.

    name: in words, such as "D minor". tonic: 0..11; of a list of notes the first. classes: the
    pitch classes that belong to it, 0..11, in rising order.

    >>> Key.of("D minor")
    Key(name='D minor', tonic=2, classes=(0, 2, 4, 5, 7, 9, 10))
    """

    name: str
    tonic: int
    classes: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Key:
        """Return the key, mode or scale that a text names, or the pitch classes that it lists.

        text: a tonic with sharps or flats and a scale of `SCALES` ("D minor", "F# dorian", "Bb");
        a short form ("Dm", "D min", "D maj"; a tonic alone, with a capital letter, is major);
        notes ("C D E G A"), or pitch classes ("0,2,4,5,7,9,11"). "melodic minor" has the sixth and
        the seventh degree both raised and natural, since melodies need both.
        Raises HowlkitError for anything else.

        >>> Key.of("A minor pentatonic").classes, Key.of("C D E").classes
        ((0, 2, 4, 7, 9), (0, 2, 4))
        """
        if not isinstance(text, str):
            raise HowlkitError(f"{text!r} is no key.{_allowed()}")
        plain = " ".join(plain_accidentals(text).split())
        words = plain.replace(",", " ").split()
        if words and all(re.fullmatch(r"-?\d+", word) for word in words):
            return cls._listed(text, [int(word) for word in words])
        notes = [pitch_class(word) for word in words]
        if len(words) > 1 and None not in notes:
            return cls._listed(text, [note for note in notes if note is not None])
        found = re.fullmatch(rf"{ROOT}(?:[ -]?)(.*)", plain)
        if found is None:
            raise HowlkitError(f"{text!r} is no key.{_allowed()}")
        tonic = pitch_class(found[1] + found[2])
        assert tonic is not None  # the pattern is that of a note name
        return cls._scale(text, found[1].upper() + found[2], tonic, words=found[3])

    @classmethod
    def _listed(cls, text: str, classes: list[int]) -> Key:
        """Return the key of pitch classes, the first of which is the tonic."""
        wrong = [number for number in classes if not 0 <= number < 12]
        if wrong:
            raise HowlkitError(
                f"{text!r} has the pitch class {wrong[0]}; 0 (C) to 11 (B) are allowed"
            )
        rising = tuple(sorted(set(classes)))
        return cls(" ".join(_TONICS[number] for number in rising), classes[0], rising)

    @classmethod
    def _scale(cls, text: str, name: str, tonic: int, *, words: str) -> Key:
        if text[:1].islower() and not words:
            raise HowlkitError(f"{text!r} may be major or minor: write {name} major or {name}m")
        scale = _SHORT.get(words) or _SHORT.get(words.lower())
        scale = scale or re.sub(r"[ -]+", " ", words).lower()
        if scale.endswith((" scale", " mode")):
            scale = scale.rpartition(" ")[0]
        if scale not in SCALES:
            near = did_you_mean(scale, SCALES)
            raise HowlkitError(f"{text!r}: there is no scale {words!r}.{near}{_allowed()}")
        classes = tuple(sorted((tonic + step) % 12 for step in SCALES[scale]))
        return cls(f"{name} {scale}", tonic, classes)


def _allowed() -> str:
    """Return what a key may be, for the message that refuses a text."""
    return (
        f" A key is a tonic and a scale, such as 'D minor' or 'F# dorian'; scales: "
        f"{', '.join(SCALES)}. Or list its notes, as 'C D E G A' or '0,2,4,7,9'"
    )


@functools.cache
def profiles() -> NDArray[np.float64]:
    """Return (24, 12): the profile of each key, less its mean and scaled to length 1.

    The major keys come first, from C up, then the minor ones. The product with such counts of the
    pitch classes is their correlation (module docstring).
    """
    table = np.array([np.roll(p, tonic) for p in (_MAJOR, _MINOR) for tonic in range(12)])
    table -= table.mean(1, keepdims=True)
    table /= np.sqrt((table**2).sum(1, keepdims=True))
    table.setflags(write=False)
    return table


def key_of(piece: Piece) -> Key:
    """Return the key of a piece, major or natural minor: the one whose profile fits best.

    What each pitch class sounds in all, in ticks, is correlated with the profiles of the 24 keys
    (module docstring); drums are left out, and so is context. Raises HowlkitError if the piece has
    no pitched notes, or if all pitch classes sound for equally long.

    >>> key_of(Piece.of([(0, 480, 62), (480, 480, 65), (960, 960, 69), (1920, 480, 62)])).name
    'D minor'
    """
    notes = piece.notes[piece.context :]
    notes = notes[notes["program"] != DRUMS]
    if not len(notes):
        raise HowlkitError(f"{piece.name or 'the piece'} has no pitched notes, and so no key")
    sound = np.bincount(notes["pitch"] % 12, weights=notes["duration"], minlength=12)
    if np.ptp(sound) == 0:
        raise HowlkitError(
            f"all pitch classes of {piece.name or 'the piece'} sound for equally long, so it has "
            "no key that can be found; name one, such as 'D minor'"
        )
    fits = {
        (tonic, scale): float(np.corrcoef(np.roll(profile, tonic), sound)[0, 1])
        for scale, profile in (("major", _MAJOR), ("minor", _MINOR))
        for tonic in range(12)
    }
    tonic, scale = max(fits, key=lambda key: fits[key])
    return Key.of(f"{_TONICS[tonic]} {scale}")

"""Names of pitch classes: C is 0, C sharp 1 ... B is 11; read from what people write."""

from __future__ import annotations

import re

__all__ = ["ROOT", "pitch_class", "plain_accidentals"]

ROOT = r"([A-Ga-g])(##|bb|#|b|)"
"""The pattern of a note name: a letter and its accidentals, once `plain_accidentals` was called."""

_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}

_SIGNS = str.maketrans({"♯": "#", "♭": "b", "𝄪": "##", "𝄫": "bb", "♮": ""})


def plain_accidentals(text: str) -> str:
    """Return text with # and b in place of other signs, and of the words sharp and flat.

    >>> plain_accidentals("B♭ major"), plain_accidentals("F sharp minor")
    ('Bb major', 'F# minor')
    """
    text = text.translate(_SIGNS)
    text = re.sub(r"(?i)\b([A-G])[ -]?sharp\b", r"\1#", text)
    return re.sub(r"(?i)\b([A-G])[ -]?flat\b", r"\1b", text)


def pitch_class(name: str) -> int | None:
    """Return the pitch class of a note name, 0..11; None if it is no such name.

    >>> pitch_class("F#"), pitch_class("Gb"), pitch_class("H")
    (6, 6, None)
    """
    found = re.fullmatch(ROOT, name)
    if found is None:
        return None
    letter, accidentals = found.groups()
    return (_LETTERS[letter.lower()] + accidentals.count("#") - accidentals.count("b")) % 12

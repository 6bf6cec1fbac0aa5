"""Names of pitches and their classes: C is 0, C sharp 1 ... B is 11; C4 is 60."""

from __future__ import annotations

import re

from howlkit.errors import ArgumentError

__all__ = [
    "PITCH",
    "ROOT",
    "pitch_class",
    "pitch_name",
    "pitch_of",
    "pitches_of",
    "plain_accidentals",
]

ROOT = r"([A-Ga-g])(##|bb|#|b|)"
"""The pattern of a note name: a letter and its accidentals, once `plain_accidentals` was called."""

PITCH = rf"[0-9]{{1,3}}|{ROOT}(?:-1|[0-9])"
"""The pattern of a pitch, 60 or C4, once `plain_accidentals` was called; it has two groups."""

_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}

_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

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


def pitch_name(pitch: int) -> str:
    """Return the name of a pitch, 0..127, with sharps.

    >>> pitch_name(60), pitch_name(46)
    ('C4', 'A#2')
    """
    return f"{_SHARPS[pitch % 12]}{pitch // 12 - 1}"


def pitch_of(value: int | str) -> int:
    """Return the pitch of a number, 0..127, or of a name with its octave, C-1 to G9.

    Raises ArgumentError for anything else.

    >>> pitch_of("C4"), pitch_of("B♭2"), pitch_of("60"), pitch_of(60)
    (60, 46, 60, 60)
    """
    text = plain_accidentals(str(value)).strip()
    pitch = _pitch(text) if re.fullmatch(PITCH, text) else None
    if pitch is None:
        raise ArgumentError(
            f"{value!r} is no pitch; give a number, 0..127 (60 is middle C), or a name with its "
            "octave, C-1 to G9, such as C4 or F#3"
        )
    return pitch


def pitches_of(text: str) -> tuple[int, ...]:
    """Return the pitches of "36-47,60" or "C2-B2, C4", in rising order: numbers, names and ranges.

    Raises ArgumentError for anything else.

    >>> pitches_of("C2-D2, 60")
    (36, 37, 38, 60)
    """
    found: set[int] = set()
    for part in plain_accidentals(text).split(","):
        ends = re.fullmatch(rf"\s*({PITCH})\s*(?:(?:-|\.\.|–)\s*({PITCH})\s*)?", part)
        low = _pitch(ends[1]) if ends else None
        high = _pitch(ends[4]) if ends and ends[4] else low
        if low is None or high is None or low > high:
            raise ArgumentError(
                f"{part.strip() or text!r} is no pitch and no range of pitches; give numbers, "
                "0..127, or names, from the lower to the higher, such as 36-47,60 or C2-B2"
            )
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def _pitch(text: str) -> int | None:
    """Return the pitch of a number or a name; None if it is neither, or MIDI has no such pitch."""
    if text.isdecimal():
        number = int(text)
    else:
        named = re.fullmatch(rf"({ROOT})(-1|[0-9])", text)
        if named is None:
            return None
        name, octave = named.group(1, 4)
        accidentals = name[1:].count("#") - name[1:].count("b")
        number = _LETTERS[name[0].lower()] + accidentals + 12 * (int(octave) + 1)
    return number if 0 <= number <= 127 else None

"""Chords and progressions: from what people write ("Dm | Gm | A7 | Dm") to pitch classes and beats.

Pitch classes are 0 (C) to 11 (B). Beats are quarter notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from howlkit.errors import HowlkitError, did_you_mean
from howlkit.music.pitch_names import ROOT, pitch_class, plain_accidentals

__all__ = ["QUALITIES", "Chord", "Progression"]

QUALITIES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "": (0, 4, 7),
        "m": (0, 3, 7),
        "dim": (0, 3, 6),
        "aug": (0, 4, 8),
        "sus2": (0, 2, 7),
        "sus4": (0, 5, 7),
        "5": (0, 7),
        "6": (0, 4, 7, 9),
        "m6": (0, 3, 7, 9),
        "7": (0, 4, 7, 10),
        "maj7": (0, 4, 7, 11),
        "m7": (0, 3, 7, 10),
        "mmaj7": (0, 3, 7, 11),
        "dim7": (0, 3, 6, 9),
        "m7b5": (0, 3, 6, 10),
        "7sus4": (0, 5, 7, 10),
        "9": (0, 2, 4, 7, 10),
        "maj9": (0, 2, 4, 7, 11),
        "m9": (0, 2, 3, 7, 10),
        "add9": (0, 2, 4, 7),
        "madd9": (0, 2, 3, 7),
    }
)
"""The semitones from the root to each note of a chord, by what stands behind the root."""

_ALIASES = MappingProxyType(
    {
        "maj": "",
        "M": "",
        "min": "m",
        "-": "m",
        "°": "dim",
        "o": "dim",
        "+": "aug",
        "sus": "sus4",
        "M7": "maj7",
        "Δ": "maj7",
        "Δ7": "maj7",
        "Maj7": "maj7",
        "min7": "m7",
        "-7": "m7",
        "min6": "m6",
        "mM7": "mmaj7",
        "°7": "dim7",
        "o7": "dim7",
        "ø": "m7b5",
        "ø7": "m7b5",
        "min7b5": "m7b5",
        "M9": "maj9",
        "min9": "m9",
    }
)

_FINEST = 48  # beats are read as fractions of at most so many parts


@dataclass(frozen=True)
class Chord:
    """A chord: its name, and the pitch classes of its notes in rising order.

    >>> Chord.of("A7")
    Chord(name='A7', classes=(1, 4, 7, 9))
    """

    name: str
    classes: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Chord:
        """Return the chord of a name: a root, a quality of `QUALITIES`, and maybe "/" and a bass.

        The note of the bass counts as one of the chord. Raises HowlkitError for any other text.

        >>> Chord.of("C/Bb").classes
        (0, 4, 7, 10)
        """
        name = plain_accidentals(text).strip()
        above, slash, below = name.partition("/")
        found = re.fullmatch(rf"{ROOT}(.*)", above)
        bass = pitch_class(below)
        if found is None or not found[1].isupper() or (slash and bass is None):
            raise HowlkitError(f"{text!r} is no chord.{_ALLOWED}")
        root, quality = pitch_class(found[1] + found[2]), _ALIASES.get(found[3], found[3])
        if quality not in QUALITIES or root is None:
            near = did_you_mean(quality, [q for q in QUALITIES if q])
            raise HowlkitError(f"{text!r} is no chord: no {found[3]!r} is known.{near}{_ALLOWED}")
        classes = {(root + step) % 12 for step in QUALITIES[quality]}
        return cls(name, tuple(sorted(classes | ({bass} if bass is not None else set()))))


_ALLOWED = (
    " A chord is a root, such as D or F#, and one of: major (nothing), "
    f"{', '.join(quality for quality in QUALITIES if quality)}; a bass may follow, as in C/E"
)


@dataclass(frozen=True)
class Progression:
    """Chords in order, bar by bar; each with the beats that it lasts, or None.

    bars: of each bar its chords. A chord with beats lasts as long; chords without them share their
    bar evenly. In a bar either all chords have beats or none has. Chords with beats and no | at all
    may go on over several bars: "Dm:4 Gm:4 A7:8".

    >>> [[(chord.name, beats) for chord, beats in bar] for bar in Progression.of("Dm Gm | A7").bars]
    [[('Dm', None), ('Gm', None)], [('A7', None)]]
    """

    bars: tuple[tuple[tuple[Chord, Fraction | None], ...], ...]

    @classmethod
    def of(cls, text: str) -> Progression:
        """Return the progression of a text: "Dm | Gm | A7 | Dm", or with beats "Dm:2 Gm:2 | A7:4".

        Raises HowlkitError, which names the bar and the chord, for anything that is no chord.
        """
        parts = text.strip().strip("|").split("|") if isinstance(text, str) else []
        if not any(part.strip() for part in parts):
            raise HowlkitError(
                f"{text!r} is no progression; write chords with a | between bars, such as "
                "'Dm | Gm | A7 | Dm', or with beats: 'Dm:2 Gm:2 | A7:4'"
            )
        return cls(tuple(_bar(part, number) for number, part in enumerate(parts, 1)))

    def lasting(self, beats_a_bar: Fraction) -> Iterator[tuple[Chord, Fraction]]:
        """Yield each chord with the beats that it lasts, in music with bars of so many beats.

        Raises HowlkitError for a bar whose beats do not fill it; chords without a | may fill
        several.
        """
        for number, bar in enumerate(self.bars, 1):
            given = [beats for _, beats in bar if beats is not None]
            filled = sum(given, Fraction(0)) / beats_a_bar
            if filled != 1 and (filled.denominator > 1 or len(self.bars) > 1) and given:
                raise HowlkitError(
                    f"bar {number} of the chords has {_number(filled * beats_a_bar)} beats "
                    f"(quarter notes), and a bar of this music has {_number(beats_a_bar)}. Give "
                    "each bar as many, with a | between bars, or leave the beats out and the "
                    "chords share their bar evenly"
                )
            for chord, beats in bar:
                yield chord, beats_a_bar / len(bar) if beats is None else beats


def _bar(text: str, number: int) -> tuple[tuple[Chord, Fraction | None], ...]:
    """Return the chords of a bar and their beats."""
    words = text.replace(",", " ").split()
    if not words:
        raise HowlkitError(f"bar {number} of the chords is empty; a chord in each bar is needed")
    chords = [_chord(word, number) for word in words]
    if len({beats is None for _, beats in chords}) > 1:
        raise HowlkitError(
            f"bar {number} of the chords, {text.strip()!r}, says of some chords for how many beats "
            "they last; say it of all in a bar, or of none"
        )
    return tuple(chords)


def _chord(word: str, bar: int) -> tuple[Chord, Fraction | None]:
    name, colon, length = word.partition(":")
    try:
        chord = Chord.of(name)
    except HowlkitError as error:
        raise HowlkitError(f"bar {bar} of the chords: {error}") from None
    if not colon:
        return chord, None
    beats = Fraction(0)
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6}|/[1-9][0-9]?)?", length):
        beats = Fraction(length).limit_denominator(_FINEST)
    if not beats:
        raise HowlkitError(
            f"bar {bar} of the chords: {word!r} lasts {length!r} beats; a number above 0 is "
            f"needed, such as {name}:2"
        )
    return chord, beats


def _number(beats: Fraction) -> str:
    return f"{float(beats):g}"

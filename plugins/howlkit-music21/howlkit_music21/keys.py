"""Estimates the key of a piece, and spells its pitches.

Profiles: C. L. Krumhansl and E. J. Kessler, "Tracing the dynamic changes in perceived tonal
organization in a spatial representation of musical keys", Psychological Review 89 (1982).
"""

from __future__ import annotations

import numpy as np

from howlkit.music import DRUMS, Piece

__all__ = ["estimate", "spelling"]

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)

FIFTHS = "FCGDAEB"
"""The line of fifths without accidentals; F is -1 on it, C is 0."""


def estimate(piece: Piece) -> tuple[int, bool]:
    """Return the likeliest key of a piece: its sharps (-5 to 6), and whether it is minor.

    The profile of this key has the highest correlation with the time that each pitch class sounds.
    A piece without pitches is in C major.
    """
    notes = piece.notes[piece.notes["program"] != DRUMS]
    heard = np.bincount(notes["pitch"] % 12, notes["duration"], minlength=12)
    if heard.std() == 0:
        return 0, False
    scores = {
        (tonic, minor): np.corrcoef(np.roll(heard, -tonic), profile)[0, 1]
        for minor, profile in ((False, MAJOR), (True, MINOR))
        for tonic in range(12)
    }
    tonic, minor = max(scores, key=lambda pair: scores[pair])
    major = (tonic + 3) % 12 if minor else tonic
    return (major * 7 + 5) % 12 - 5, minor


def spelling(pitch: int, sharps: int) -> tuple[str, int]:
    """Return the name of a pitch in a key, such as "F#" (flats are "-"), and its octave.

    Name and octave are apart because music21 reads "C-1" as C flat. A key has twelve names, those
    in a row on the line of fifths that begins three below the tonic of the major key: in C major
    from E flat to G sharp.

    >>> spelling(61, sharps=0), spelling(61, sharps=-3)
    (('C#', 4), ('D-', 4))
    """
    place = (pitch * 7 - (sharps - 3)) % 12 + sharps - 3
    letter = FIFTHS[(place + 1) % 7]
    raised = (place + 1) // 7
    octave = (pitch - raised) // 12 - 1
    return letter + ("#" * raised if raised > 0 else "-" * -raised), octave

import numpy as np
import pytest

from howlkit.errors import HowlkitError
from howlkit.music.keys import SCALES, Key, key_of
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

MAJOR = {0, 2, 4, 5, 7, 9, 11}


@pytest.mark.parametrize(
    ("text", "tonic", "classes"),
    [
        ("C", 0, MAJOR),
        ("C major", 0, MAJOR),
        ("D minor", 2, {2, 4, 5, 7, 9, 10, 0}),
        ("D natural minor", 2, {2, 4, 5, 7, 9, 10, 0}),
        ("Dm", 2, {2, 4, 5, 7, 9, 10, 0}),
        ("D min", 2, {2, 4, 5, 7, 9, 10, 0}),
        ("d minor", 2, {2, 4, 5, 7, 9, 10, 0}),
        ("D harmonic minor", 2, {2, 4, 5, 7, 9, 10, 1}),
        ("D melodic minor", 2, {2, 4, 5, 7, 9, 11, 1, 10, 0}),
        ("D dorian", 2, MAJOR),
        ("E Phrygian", 4, MAJOR),
        ("F lydian", 5, MAJOR),
        ("G mixolydian", 7, MAJOR),
        ("A aeolian", 9, MAJOR),
        ("B locrian", 11, MAJOR),
        ("C ionian", 0, MAJOR),
        ("C pentatonic", 0, {0, 2, 4, 7, 9}),
        ("A minor pentatonic", 9, {0, 2, 4, 7, 9}),
        ("A blues", 9, {9, 0, 2, 3, 4, 7}),
        ("C whole-tone", 0, {0, 2, 4, 6, 8, 10}),
        ("C chromatic", 0, set(range(12))),
        ("F#", 6, {6, 8, 10, 11, 1, 3, 5}),
        ("F♯ major", 6, {6, 8, 10, 11, 1, 3, 5}),
        ("Gb", 6, {6, 8, 10, 11, 1, 3, 5}),
        ("F sharp", 6, {6, 8, 10, 11, 1, 3, 5}),
        ("B♭", 10, {10, 0, 2, 3, 5, 7, 9}),
        ("bb minor", 10, {10, 0, 1, 3, 5, 6, 8}),
        ("B flat minor", 10, {10, 0, 1, 3, 5, 6, 8}),
        ("0,2,4,5,7,9,11", 0, MAJOR),
        ("9 0 4", 9, {0, 4, 9}),
        ("C D E G A", 0, {0, 2, 4, 7, 9}),
        ("Eb, G, Bb", 3, {3, 7, 10}),
    ],
)
def test_a_text_is_read_as_a_key(text, tonic, classes):
    key = Key.of(text)
    assert (key.tonic, set(key.classes)) == (tonic, classes)
    assert list(key.classes) == sorted(key.classes)


@pytest.mark.parametrize("scale", SCALES)
def test_the_name_of_a_key_is_read_as_that_key(scale):
    key = Key.of(f"Eb {scale}")
    assert Key.of(key.name) == key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("H minor", "'D minor'"),
        ("", "dorian"),
        ("D minr", "Did you mean 'minor'?"),
        ("D dorain", "Did you mean 'dorian'?"),
        ("0,2,12", "pitch class 12"),
        ("d", "write D major or Dm"),
        (7, "is no key"),
    ],
)
def test_what_is_no_key_is_refused_in_words(text, said):
    with pytest.raises(HowlkitError) as error:
        Key.of(text)
    assert said in str(error.value)
    assert "?." not in str(error.value)


def scale_piece(tonic, steps, **changes):
    """A scale up and down, its triad held longer, as melodies do."""
    steps = [*steps, *reversed(steps)]
    held = (0, 3, 4, 7)
    notes = [(480 * i, 960 if s in held else 240, 60 + tonic + s) for i, s in enumerate(steps)]
    return Piece.of(notes).replace(**changes)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("scale", ["major", "minor"])
def test_the_key_of_a_scale_is_found(tonic, scale):
    found = key_of(scale_piece(tonic, SCALES[scale]))
    assert found.tonic == tonic
    assert found.name.endswith(scale)


def test_long_notes_weigh_more_than_short_ones():
    many_short = [(480 * i, 10, 60 + s) for i, s in enumerate([0, 4, 7] * 4)]
    few_long = [(9600 + 1920 * i, 1920, 60 + s) for i, s in enumerate([6, 10, 1])]
    assert key_of(Piece.of([*many_short, *few_long])).tonic == 6


def test_drums_have_no_key():
    drums = [(0, 480, 36, 80, DRUMS), (480, 480, 38, 80, DRUMS)]
    with pytest.raises(HowlkitError, match="no pitched notes"):
        key_of(Piece.of(drums))
    tune = scale_piece(2, SCALES["minor"])
    with_drums = tune.replace(notes=np.concatenate((tune.notes, Piece.of(drums * 50).notes)))
    assert key_of(with_drums) == key_of(tune)


def test_music_of_all_pitch_classes_alike_has_no_key():
    with pytest.raises(HowlkitError, match="equally long"):
        key_of(Piece.of([(0, 480, 60 + step) for step in range(12)]))

from fractions import Fraction

import pytest

from howlkit.errors import HowlkitError
from howlkit.music.chords import Chord, Progression


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("C", {0, 4, 7}),
        ("Dm", {2, 5, 9}),
        ("Dmin", {2, 5, 9}),
        ("A7", {9, 1, 4, 7}),
        ("Bb", {10, 2, 5}),
        ("B♭m", {10, 1, 5}),
        ("F#dim", {6, 9, 0}),
        ("Caug", {0, 4, 8}),
        ("C+", {0, 4, 8}),
        ("Gsus2", {7, 9, 2}),
        ("Gsus4", {7, 0, 2}),
        ("C6", {0, 4, 7, 9}),
        ("Cmaj7", {0, 4, 7, 11}),
        ("CM7", {0, 4, 7, 11}),
        ("Cm7", {0, 3, 7, 10}),
        ("Bdim7", {11, 2, 5, 8}),
        ("Bm7b5", {11, 2, 5, 9}),
        ("Bø", {11, 2, 5, 9}),
        ("G9", {7, 11, 2, 5, 9}),
        ("Cadd9", {0, 2, 4, 7}),
        ("C/E", {0, 4, 7}),
        ("C/Bb", {0, 4, 7, 10}),
        ("Dm/G", {2, 5, 9, 7}),
    ],
)
def test_a_name_is_read_as_the_notes_of_a_chord(text, classes):
    assert set(Chord.of(text).classes) == classes


@pytest.mark.parametrize("text", ["", "H", "c", "Cfoo", "C/", "C/H", "7", "C E"])
def test_what_is_no_chord_is_refused_with_what_is_allowed(text):
    with pytest.raises(HowlkitError, match="m7b5"):
        Chord.of(text)


def test_a_quality_that_is_nearly_right_is_named():
    with pytest.raises(HowlkitError, match=r"Did you mean 'sus4'\? A chord"):
        Chord.of("Csuss4")


def lasting(text, beats=4):
    chords = Progression.of(text).lasting(Fraction(beats))
    return [(chord.name, str(length)) for chord, length in chords]


def test_a_chord_lasts_a_bar():
    assert lasting("Dm | Gm | A7 | Dm", 3) == [(n, "3") for n in ("Dm", "Gm", "A7", "Dm")]
    assert lasting("| Dm | A7 |") == lasting("Dm|A7")


def test_chords_of_a_bar_share_it_evenly():
    assert lasting("Dm Gm | A7") == [("Dm", "2"), ("Gm", "2"), ("A7", "4")]
    assert lasting("C F G") == [("C", "4/3"), ("F", "4/3"), ("G", "4/3")]


def test_chords_with_beats_last_so_long():
    assert lasting("Dm:3 Gm:1 | A7:4") == [("Dm", "3"), ("Gm", "1"), ("A7", "4")]
    assert lasting("Dm:1.5 A7:4/3 G:7/6") == [("Dm", "3/2"), ("A7", "4/3"), ("G", "7/6")]
    assert lasting("Dm:6 A7:2") == [("Dm", "6"), ("A7", "2")]
    assert lasting("C:1.333333 F:1.333333 G:1.333333 | C")[0] == ("C", "4/3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dm | Hm", "bar 2 of the chords: 'Hm'"),
        ("Dm || A7", "bar 2 of the chords is empty"),
        ("Dm:2 Gm | A7", "of all in a bar, or of none"),
        ("Dm:0", "above 0"),
        ("Dm:-1", "above 0"),
        ("Dm:1e999999999", "above 0"),
        ("Dm:", "above 0"),
        ("", "is no progression"),
        (" | ", "is no progression"),
    ],
)
def test_a_mistake_is_told_with_its_bar(text, said):
    with pytest.raises(HowlkitError) as error:
        Progression.of(text)
    assert said in str(error.value)


def test_beats_that_do_not_fill_a_bar_are_told():
    with pytest.raises(HowlkitError, match="bar 2 of the chords has 3 beats .* has 4"):
        lasting("Dm:4 | Gm:3")
    with pytest.raises(HowlkitError, match="bar 1 of the chords has 8 beats"):
        lasting("Dm:4 Gm:4 | Gm:4")


@pytest.mark.parametrize(("text", "beats"), [("C:3 G:3", "6"), ("C:2", "2"), ("C:1.5 G", None)])
def test_one_bar_is_filled_too(text, beats):
    with pytest.raises(HowlkitError, match=f"has {beats} beats" if beats else "or of none"):
        lasting(text)

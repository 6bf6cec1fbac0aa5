"""What a grammar says of notes is checked like all that it returns."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from howlkit.builtin.encoders.pianoroll import Pianoroll
from howlkit.builtin.encoders.tuple import Tuple
from howlkit.errors import PluginError
from howlkit.note_choices import BEGINS, COMING, NoteTables, PossibleNotes
from howlkit.plugins.checked import CheckedEncoder


def grammar_with(rows=1, **members):
    """The checked grammar of `tuple`, but some of its members are others."""

    @dataclass(frozen=True)
    class Other(Tuple):
        def grammar(self, rows, *, like=None):
            sound = super().grammar(rows, like=like)
            kind = type("Other", (type(sound),), {})
            sound.__class__ = kind
            for name, member in members.items():
                setattr(kind, name, member)
            return sound

    return CheckedEncoder.of(Other()).grammar(rows)


def told(**columns: Any):
    """A method `note_choices` in which some arrays are others."""

    def note_choices(self, field, given):
        found = Tuple().grammar(len(given)).note_choices(Tuple().schema["pitch"], given)
        width = field.choices
        made = {name: column[:, :width] for name, column in vars(found).items()}
        return replace(found, **made | {name: make(width) for name, make in columns.items()})

    return note_choices


def changed_tables(**tables):
    sound = Tuple().grammar(1).note_tables
    return property(lambda self: NoteTables(**vars(sound) | tables), lambda self, value: None)


FIXED = {
    "floats": property(lambda self: np.zeros((1, 6)), lambda self, value: None),
    "narrow": property(lambda self: np.zeros((1, 5), np.int64), lambda self, value: None),
    "rows": property(lambda self: np.zeros((2, 6), np.int64), lambda self, value: None),
}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"note_choices": lambda self, field, given: 7}, r"note_choices\('mark'\).*a NoteChoices"),
        ({"note_choices": lambda self, field: None}, "note_choices.*cannot be called as"),
        ({"note_choices": told(pitch=lambda n: np.zeros((1, n + 1), int))}, "pitch of note_ch"),
        ({"note_choices": told(role=lambda n: np.zeros((1, n)))}, "role of note_choices"),
        ({"divisions": property(lambda self: 0, lambda self, value: None)}, "divisions.*above 0"),
        ({"divisions": property(lambda self: 2.5, lambda self, value: None)}, "divisions"),
        ({"alone": 1}, "alone.*true or false"),
        ({"note_tables": property(lambda self: {}, lambda self, value: None)}, "note_tables"),
        ({"note_tables": changed_tables(adds=np.zeros((3, 6), int))}, "NoteTables of shapes"),
        ({"note_tables": changed_tables(restart=np.zeros((9, 6)))}, "NoteTables of shapes"),
        ({"note_tables": changed_tables(shifts=("shift", "rest"))}, "shifts are a tuple of names"),
        ({"note_bases": FIXED["floats"]}, "note_bases"),
        ({"note_bases": FIXED["narrow"]}, r"shape \(1, 6 or more\)"),
        ({"note_bases": FIXED["rows"]}, r"shape \(1, 6 or more\)"),
        ({"possible_notes": (0,)}, "possible_notes.*a PossibleNotes"),
        ({"possible_notes": PossibleNotes((0, 129), (60,))}, "some programs 0..128"),
        ({"possible_notes": PossibleNotes((0,), ())}, "some pitches 0..127"),
    ],
)
def test_what_breaks_the_contract_is_a_plugin_error(members, said):
    with pytest.raises(PluginError, match=said):
        grammar_with(**members)


def test_a_grammar_that_says_nothing_of_notes_is_sound_and_says_so():
    quiet = CheckedEncoder.of(Silent()).grammar(2)
    assert not quiet.has_notes and not quiet.has_note_tables
    assert not quiet.select(np.array([0])).has_notes


def test_a_grammar_may_speak_of_notes_without_tables():
    pianoroll = CheckedEncoder.of(Pianoroll()).grammar(3)
    assert pianoroll.has_notes and not pianoroll.has_note_tables
    given = pianoroll_steps = Pianoroll().schema.steps(3)
    found = pianoroll.note_choices(Pianoroll().schema["onset"], given)
    assert found.role.shape == (3, 89) and (found.role[:, :-1] == BEGINS).all()
    assert pianoroll_steps is given


def test_a_grammar_may_say_which_notes_there_are():
    grammar = CheckedEncoder.of(Pianoroll(low=40, high=60)).grammar(1)
    assert set(grammar.possible_notes.pitches) == set(range(40, 61))
    assert CheckedEncoder.of(Tuple()).grammar(1).possible_notes is None


def test_what_is_said_passes_through_and_copies_have_their_own():
    grammar = CheckedEncoder.of(Tuple(grid=24)).grammar(3)
    assert grammar.has_notes and grammar.has_note_tables
    assert grammar.divisions == 24 and grammar.alone is False
    step = Tuple().schema.steps(3)
    step["shift"] = 2
    copied = grammar.select(np.array([1, 1]))
    grammar.push(step, np.array([True, False, True]))
    assert grammar.note_bases[:, 0].tolist() == [48, 0, 48]
    assert copied.note_bases[:, 0].tolist() == [0, 0] and copied.has_note_tables
    found = grammar.note_choices(Tuple().schema["program"], step)
    assert found.onset[:, 0].tolist() == [96, 48, 96] and (found.role == COMING).all()


class Silent(Pianoroll):
    """A piano-roll whose grammar does not speak of notes."""

    def grammar(self, rows, *, like=None):
        return Wordless(super().grammar(rows, like=like))


class Wordless:
    def __init__(self, sound):
        self.sound = sound
        self.allowed, self.push, self.derived = sound.allowed, sound.push, sound.derived

    @property
    def now(self):
        return self.sound.now

    def select(self, rows):
        return Wordless(self.sound.select(rows))

"""What choices mean in notes, encoder by encoder: which note each begins, ends or holds.

The expectations are written by hand. That decode agrees is a law (howlkit.testing.notes).
"""

import numpy as np
import pytest

from howlkit.builtin.encoders.event.encoder import Event
from howlkit.builtin.encoders.howl import Howl
from howlkit.builtin.encoders.pianoroll.encoder import Pianoroll
from howlkit.builtin.encoders.remi.encoder import Remi
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.encoders.voices.encoder import Voices
from howlkit.music.tables import DRUMS
from howlkit.note_choices import OPEN
from howlkit.schema import STEP

ROLES = ("nothing", "coming", "lasts", "begins", "ahead")
ONE = np.ones(1, bool)


def step_of(encoder, **values):
    step = encoder.schema.steps(1)
    step["mark"] = STEP
    for name, value in values.items():
        if encoder.schema[name].kind == "bits":
            step[name][0, list(value)] = 1
        else:
            step[name] = value
    return step


class Player:
    """One row of music in the making."""

    def __init__(self, encoder):
        self.encoder, self.grammar = encoder, encoder.grammar(1)

    def play(self, **values):
        """Decide and add a step; return the notes that it begins."""
        return int(self.grammar.push(step_of(self.encoder, **values), ONE)[0])

    def means(self, name, value, **given):
        """What a value of a field means in notes, after the fields given: in words and numbers."""
        encoder = self.encoder
        choices = self.grammar.note_choices(encoder.schema[name], step_of(encoder, **given))
        if choices is None:
            return "nothing"
        columns = (choices.onset, choices.pitch, choices.program, choices.track, choices.end)
        onset, pitch, program, track, end = (int(column[0, value]) for column in columns)
        role = ROLES[int(choices.role[0, value])]
        if role == "nothing":
            return f"nothing before {onset}"
        said = {"key": pitch, "program": program, "track": track, "until": end}
        parts = [f"{name} {number}" for name, number in said.items() if number != -1]
        return ", ".join([f"{role} at {onset}", *parts]).replace(f"until {OPEN}", "open")


def test_tuple_tells_a_note_field_by_field():
    row = Player(Tuple(grid=4))
    lengths = row.encoder._lengths
    assert row.means("shift", 2) == "ahead at 11"  # or up to three quarters of a beat before
    shift = {"shift": 2, "shift_fine": 3}
    assert row.means("shift_fine", 3, shift=2) == "coming at 11, track 0"
    assert row.means("shift_fine", 0, shift=2) == "coming at 8, track 0"
    assert row.means("program", 40, **shift) == "coming at 11, program 40, track 0"
    note = {**shift, "program": 40, "pitch": 62}
    assert row.means("pitch", 62, **shift, program=40) == (
        "begins at 11, key 62, program 40, track 0"
    )
    for value in (0, 5):
        assert row.means("duration", value, **note) == (
            f"lasts at 11, key 62, program 40, track 0, until {11 + lengths[value]}"
        )
    assert row.means("velocity", 9, **note, duration=5) == "nothing before 11"
    assert row.play(**note, duration=5) == 1
    assert row.means("shift_fine", 0) == "coming at 11, track 0"  # the next note is counted from it


def test_tuple_by_octave_and_semitone_knows_the_pitch_with_the_semitone():
    row = Player(Tuple(grid=4, programs=False, pitch="octave"))
    assert row.means("octave", 5) == "coming at 0, program 0, track 0"
    assert row.means("semitone", 2, octave=5) == "begins at 0, key 62, program 0, track 0"


def test_tuple_with_pedals_does_not_take_a_pedal_for_a_note():
    row = Player(Tuple(grid=4, programs=False, pedals=True))
    pedal, note = {"shift": 1, "kind": 0}, {"shift": 1, "kind": 1}
    assert row.means("shift", 1) == "nothing"
    assert row.means("shift_fine", 0, shift=1) == "nothing before 4"  # it may be either
    assert row.means("kind", 0, shift=1) == "nothing before 4"
    assert row.means("kind", 1, shift=1) == "coming at 4, program 0, track 0"
    assert row.means("pitch", 62, **note).startswith("begins at 4, key 62")
    assert row.means("duration", 3, **pedal) == "nothing before 4"
    assert row.play(**pedal, duration=3) == 0 and row.play(**note, pitch=62) == 1


def test_event_begins_notes_that_sound_until_their_note_off():
    row = Player(Event(grid=10, programs=False))
    on, off, shift, velocity = (lambda p: p), (lambda p: 128 + p), (lambda n: 255 + n), 266
    assert row.means("event", velocity + 8) == "coming at 0, program 0, track 0"
    assert row.means("event", shift(7)) == "nothing before 7"
    assert row.means("event", on(60)) == "begins at 0, key 60, program 0, track 0, open"
    for event in (velocity + 8, on(60), shift(7)):
        row.play(event=event)
    assert row.means("event", off(60)) == "lasts at 7, key 60, program 0, track 0, until 7"
    assert row.means("event", on(64)) == "begins at 7, key 64, program 0, track 0, open"
    assert row.means("event", shift(1)) == "nothing before 8"


def test_event_with_programs_settles_a_note_with_its_program():
    row = Player(Event(grid=10))
    assert row.means("event", 60) == "coming at 0, key 60, track 0, open"
    assert row.means("program", 40, event=60) == "begins at 0, key 60, program 40, track 0, open"
    assert row.means("program", DRUMS, event=60) == (
        f"begins at 0, key 60, program {DRUMS}, track 0, open"
    )
    assert row.means("event", 128 + 60) == "nothing before 0"
    assert row.means("program", 40, event=188) == (
        "lasts at 0, key 60, program 40, track 0, until 0"
    )


def test_remi_gathers_a_note_from_several_steps():
    encoder = Remi(grid=4, velocities=1, tempos=0)
    row, lengths = Player(encoder), encoder._lengths
    events = {name: at for at, name in enumerate(encoder._events)}

    def event(name, value=None):
        """The values of a step of this event."""
        return {"event": events[name], **({} if value is None else {name: value})}

    assert row.means("event", events["bar"]) == "nothing before 0"
    row.play(**event("bar"))
    assert row.means("position", 6, event=events["position"]) == "coming at 6, track 0"
    row.play(**event("position", 6))
    assert row.means("event", events["program"]) == "coming at 6, track 0"  # which is not known
    assert row.means("program", 40, event=events["program"]) == "coming at 6, program 40, track 0"
    row.play(**event("program", 40))
    assert row.means("event", events["pitch"]) == "coming at 6, program 40, track 0"
    assert row.means("pitch", 62, event=events["pitch"]) == (
        "begins at 6, key 62, program 40, track 0"
    )
    assert row.play(**event("pitch", 62)) == 0
    assert row.means("duration", 5, event=events["duration"]) == (
        f"lasts at 6, key 62, program 40, track 0, until {6 + lengths[5]}"
    )
    assert row.play(**event("duration", 5)) == 1
    assert row.means("event", events["bar"]) == "nothing before 6"
    row.play(**event("bar"))  # 4/4: 16 positions later
    assert row.means("position", 0, event=events["position"]) == "coming at 16, track 0"
    row.play(**event("position", 0))
    assert row.means("event", events["pitch"]) == "coming at 16, program 40, track 0"


@pytest.mark.parametrize("assign", ["track", "pitch"])
def test_a_voice_is_a_track_that_begins_holds_and_ends_one_note(assign):
    row = Player(Voices(voices=2, grid=4, low=21, assign=assign))
    as_before, silence, lowest = 0, 1, 2
    assert row.means("voice1", lowest + 39) == "begins at 0, key 60, program 0, track 0, open"
    assert row.means("voice2", lowest + 27) == "begins at 0, key 48, program 0, track 1, open"
    assert row.play(voice1=lowest + 39, voice2=lowest + 27) == 2
    assert row.means("voice1", as_before) == "lasts at 1, program 0, track 0, open"
    assert row.means("voice1", silence) == "lasts at 1, program 0, track 0, until 1"
    assert row.means("voice2", lowest) == "begins at 1, key 21, program 0, track 1, open"
    assert row.grammar.alone  # so that note ends the one before


def test_voices_in_steps_at_changes_begin_where_the_shift_leads():
    row = Player(Voices(voices=2, grid=4, assign="track", steps="changes"))
    assert row.means("shift", 2) == "nothing before 2"
    assert row.means("voice1", 41, shift=2) == "begins at 2, key 60, program 0, track 0, open"


def test_pianoroll_strikes_and_holds_keys_for_a_slice():
    row = Player(Pianoroll(grid=4))
    key, nothing_more = 39, 88
    assert row.means("onset", key) == "begins at 0, key 60, program 0, track 0, until 1"
    assert row.means("onset", nothing_more) == "nothing before 1"
    assert row.play(onset=[key, key + 4]) == 2
    assert row.means("held", key) == "lasts at 1, key 60, program 0, track 0, until 2"
    assert row.means("held", nothing_more) == "nothing before 1"  # keys may be struck in it still
    assert row.means("onset", key + 7) == "begins at 1, key 67, program 0, track 0, until 2"
    assert row.play(held=[key], onset=[key + 4]) == 1


def test_pianoroll_without_onsets_begins_keys_that_do_not_sound_yet():
    row = Player(Pianoroll(grid=4, onsets=False))
    assert row.means("keys", 39) == "begins at 0, key 60, program 0, track 0, until 1"
    row.play(keys=[39])
    assert row.means("keys", 39) == "lasts at 1, key 60, program 0, track 0, until 2"
    assert row.means("keys", 40) == "begins at 1, key 61, program 0, track 0, until 2"


def test_pianoroll_with_velocities_says_that_a_key_will_be_struck():
    row = Player(Pianoroll(grid=4, velocities=5))
    assert row.means("loudness", 0) == "nothing before 0"
    assert row.means("loudness", 3) == "coming at 0, program 0, track 0"


def test_howl_tells_a_note_field_by_field():
    row = Player(Howl())
    note = {"shift": 150, "pitch": 62}
    assert row.means("shift", 150) == "ahead at 150"
    assert row.means("pitch", 62, shift=150) == "begins at 150, key 62, program 0, track 0"
    assert row.means("duration", 80, **note) == (
        "lasts at 150, key 62, program 0, track 0, until 230"
    )
    assert row.means("volume", 100, **note, duration=80) == "nothing before 150"
    row.play(**note, duration=80, volume=100)
    assert row.means("shift", 10) == "ahead at 160"


@pytest.mark.parametrize(
    "encoder", [Tuple(), Event(), Remi(), Voices(), Pianoroll(), Howl()], ids=lambda e: e.name
)
def test_mark_says_nothing_of_notes(encoder):
    assert Player(encoder).means("mark", STEP) == "nothing"

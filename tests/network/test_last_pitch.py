"""The note begun last, and what a pitch gets for its interval to it."""

import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.music.piece import Piece
from howlkit.network.input_state import LAST_PITCH
from howlkit.network.last_pitch import LastPitch
from howlkit.testing.schemas import NOTES, step_tensors
from tests.network.test_heads import small


def piece_of(pitches, programs=None):
    piece = Piece.of([(480 * i, 240, pitch) for i, pitch in enumerate(pitches)])
    notes = piece.notes.copy()
    notes["program"] = programs or 0
    return piece.replace(notes=notes)


def heard(name, piece, **options):
    """The last pitch after each step, as runs, and the state."""
    made = encoder(name, **options)
    last = LastPitch(made.schema, made.schema.decisions)
    found, state = last(step_tensors(made.encode(piece)[None]), None, None)
    runs = found[0, :, 0].tolist()
    return [int(p) for i, p in enumerate(runs) if not i or p != runs[i - 1]], state


@pytest.mark.parametrize("name", ["tuple", "event", "remi", "howl", "pianoroll", "voices"])
def test_the_pitch_stays_until_another_note_begins(name):
    runs, state = heard(name, piece_of([60, 64, 62]))
    assert runs == [-1, 60, 64, 62] and state[LAST_PITCH].tolist() == [62]


@pytest.mark.parametrize("name", ["tuple", "event", "remi"])
def test_drums_are_no_pitch(name):
    runs, state = heard(name, piece_of([60, 40, 62, 42], [0, 128, 0, 128]))
    assert runs == [-1, 60, 62] and state[LAST_PITCH].tolist() == [62]


def test_a_pitch_gets_a_share_of_its_logit_for_its_interval():
    network, field = small(NOTES, heads={"intervals": True}), NOTES["pitch"]
    torch.nn.init.normal_(network.head(field).relative.weight)
    hidden = torch.randn(1, network.from_hidden.in_features).expand(3, -1)
    last = torch.tensor([[5.0], [7.0], [-1.0]])  # NOTES begins pitches 0 .. 23
    stepper = network.stepper()
    with torch.no_grad():
        stepper.begin(torch.cat((hidden, last), -1))
        for name in ("mark", "shift"):
            zeros = torch.zeros(3, dtype=torch.long)
            stepper.decide(NOTES[name], zeros, torch.ones(3, dtype=torch.bool))
        five, seven, none = stepper.logits(field)
    assert torch.allclose((five - none)[:-2], (seven - none)[2:], atol=1e-5)
    assert not torch.allclose(five, none)


def test_of_several_values_of_a_pitch_the_first_is_taken():
    made = encoder("event")
    last = LastPitch(made.schema, made.schema.decisions)
    values = last.references(made.schema["event"], torch.tensor([[60.0], [-1.0]]))
    assert values.tolist() == [[60], [-1]]  # the note-on, not the note-off
    assert np.array_equal([field.name for field in last.fields], ["event"])

"""The histogram of pitch classes: what it counts, and what it adds."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music.piece import Piece
from howlkit.network.input_state import CLASSES, COUNTS, HARMONY
from howlkit.network.pitch_classes import PitchClasses
from howlkit.schema import Field, Schema
from howlkit.testing.schemas import MIXED, NOTES, every_step, step_tensors
from tests.conftest import random_piece
from tests.network.test_heads import small

HALF = 4
SHARES = HeadOptions(pitch_classes=HALF)
EVERY = HeadOptions(pitch_classes=HALF, scale=True, harmony=2)


def profiles_of(name, piece, heads=SHARES):
    made = encoder(name)
    steps = step_tensors(made.encode(piece)[None])
    return PitchClasses(made.schema, heads, 8).profiles(steps, None, None)


def melody(*pitches):
    return Piece.of([(480 * i, 480, pitch) for i, pitch in enumerate(pitches)])


def by_hand(pitches):
    counts = np.zeros(CLASSES)
    for pitch in pitches:
        counts *= 2 ** (-1 / HALF)
        counts[pitch % CLASSES] += 1
    return counts


def test_notes_count_less_the_more_came_after_them():
    pitches = [60, 64, 67, 72, 59, 60]
    shares, state = profiles_of("tuple", melody(*pitches))
    expected = by_hand(pitches)
    assert np.allclose(state[COUNTS][0], expected, atol=1e-5)
    assert np.allclose(shares[0, -1], expected / (1 + expected.sum()), atol=1e-5)
    assert not shares[0, 0].any()  # at the start row nothing was played


@pytest.mark.parametrize("name", ["event", "remi"])
def test_encoders_that_take_several_steps_a_note_count_the_same(name):
    piece = random_piece(5, 200)
    expected, got = (profiles_of(each, piece)[1][COUNTS] for each in ("tuple", name))
    # Encoders write the notes of a chord in orders of their own.
    assert torch.allclose(expected, got, atol=0.5) and expected.sum() > 3


@pytest.mark.parametrize("name", ["tuple", "event", "remi"])
def test_drums_have_no_key(name):
    notes = [(480 * i, 240, 40 + i, 90, program) for i, program in enumerate([0, 128, 128, 0])]
    piece = Piece.of([(s, d, p) for s, d, p, *_ in notes])
    table = piece.notes.copy()
    table["program"] = [program for *_, program in notes]
    _, state = profiles_of(name, piece.replace(notes=table))
    assert np.allclose(state[COUNTS][0], by_hand([40, 43]), atol=1e-5)


def test_the_logit_of_a_note_grows_with_the_notes_at_an_interval_that_the_head_asks_for():
    network = small(NOTES, heads={"pitch_classes": HALF})
    field = NOTES["pitch"]
    with torch.no_grad():
        network.head(field).intervals.weight.fill_(0.0)
        network.head(field).intervals.weight[7] = 1.0  # asks for notes a fifth above
        x = torch.randn(1, 8)
        shares = torch.zeros(2, CLASSES)
        shares[0, 9] = shares[1, 11] = 1.0  # a, b
        head = network.head(field)
        added = head._from_profiles(head.activations(x.expand(2, -1)), shares)
    size = head.activations(x).sum().item()
    # The values of NOTES begin pitches 0 .. 23: of a, a fifth lower, is d.
    assert np.flatnonzero(added[0].numpy()).tolist() == [2, 14]
    assert np.flatnonzero(added[1].numpy()).tolist() == [4, 16]
    assert added[0, 2].item() == pytest.approx(size, abs=1e-5)


def test_a_wrong_note_does_not_make_the_scale_unsure():
    scale = [60, 62, 64, 65, 67, 69, 71]
    heads = HeadOptions(pitch_classes=64, scale=True)
    for wrong in (61, 66):
        profiles, _ = profiles_of("tuple", melody(*scale, *scale, *scale, wrong, *scale), heads)
        member = profiles[0, -1, CLASSES:]
        inside = [c for c in range(CLASSES) if c + 60 in scale]
        outside = [c for c in range(CLASSES) if c + 60 not in scale]
        assert member[inside].min() > 0.2 and member[outside].max() < -0.2
        assert profiles[0, -1, wrong % CLASSES] > 0  # the shares have it
    assert not profiles[0, 0].any()  # before the first note all scales are as likely


def test_the_chord_is_that_of_the_last_notes():
    heads = HeadOptions(harmony=2)
    profiles, state = profiles_of("tuple", melody(60, 64, 67, 62, 66, 69, 62, 66, 69), heads)
    assert profiles.shape[-1] == 2 * CLASSES and HARMONY in state
    member = profiles[0, -1, CLASSES:]
    assert sorted(member.argsort()[-3:].tolist()) == [2, 6, 9]  # d major, not c
    assert torch.allclose(profiles[0, -1, :CLASSES], torch.log1p(state[HARMONY][0]) / 2)


def test_profiles_of_transposed_music_are_rotated():
    first = melody(60, 64, 67, 65, 69, 60, 62, 59)
    profiles, _ = profiles_of("tuple", first, EVERY)
    moved, _ = profiles_of("tuple", melody(*(first.notes["pitch"] + 5).tolist()), EVERY)
    rotated = profiles.unflatten(-1, (-1, CLASSES)).roll(5, -1).flatten(-2)
    assert torch.allclose(moved, rotated, atol=1e-5)


def test_a_scale_needs_a_histogram():
    with pytest.raises(OptionError, match=r"set heads\.pitch_classes too"):
        HeadOptions(scale=True)


def test_the_likelihood_with_profiles_is_normalised():
    for schema in (NOTES, MIXED):
        network = small(schema, heads={"pitch_classes": HALF, "scale": True, "harmony": 2})
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter)
        rows = every_step(schema)
        hidden = torch.rand(1, 1, network.from_hidden.in_features + 4 * CLASSES)
        with torch.no_grad():
            costs = network.nats(hidden.expand(1, len(rows), -1), step_tensors(rows[None]))
        assert torch.exp(-sum(costs.values())).sum().item() == pytest.approx(1.0, abs=1e-4)


def test_many_steps_at_once_are_the_same_as_one_by_one():
    steps = step_tensors(encoder("tuple").encode(random_piece(2, 300))[None])
    classes = PitchClasses(encoder("tuple").schema, EVERY, 8)
    whole, end = classes.profiles(steps, None, None)
    state, parts = None, []
    for t in range(whole.shape[1]):
        part, state = classes.profiles({n: c[:, t : t + 1] for n, c in steps.items()}, state, None)
        parts.append(part)
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-5)
    for name in (COUNTS, HARMONY):
        assert torch.allclose(state[name], end[name], atol=1e-4)


def test_an_encoder_that_does_not_speak_of_notes_is_refused():
    with pytest.raises(OptionError, match="heads.pitch_classes needs an encoder that says"):
        small(Schema((Field("pitch", 12),)), heads={"pitch_classes": HALF})


def test_shapes_alone_need_no_compiler_of_torch():
    """It takes longer to import than torch itself, and each load of a model needs shapes."""
    script = """
import sys
from howlkit.network.build import build_shapes
from howlkit.training.recipe import Recipe
told = {"pitch_classes": 8, "intervals": True, "elapsed": True, "repeats": ["pitch"], "skip": True}
recipe = Recipe.choose("tuple", "lstm", values={"heads": told})
build_shapes(recipe.model, recipe.encoder.schema, recipe.heads)
assert not {"torch._dynamo", "torch._inductor"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

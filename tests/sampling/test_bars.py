"""Lengths in bars: after a silence, in the metre of the piece to be like or of the steps."""

import numpy as np
import pytest
import torch

from howlkit.music.piece import Piece
from howlkit.music.tables import TIME_SIGNATURE
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.training.recipe import Recipe

ONSETS = (13, 15, 17, 18, 20)  # beats; in 3/4 a bar begins at 12, in 5/4 at 10
SMALL = {"voices": {"voices": 2, "assign": "pitch"}}


def waltz(*, metre=(3, 4), onsets=ONSETS):
    """A piece in a metre, with a note at each of some beats."""
    piece = Piece.of([(round(480 * beat), 240, 60) for beat in onsets], ticks_per_beat=480)
    signatures = np.array([(0, *metre)], TIME_SIGNATURE)
    return piece.replace(time_signatures=signatures, has_end=False)


def beats_made(name, limit, *, metre=(3, 4), like=None):
    """The beats of the notes that a row has made, if the steps of a piece were made in it."""
    torch.manual_seed(0)
    values = {"lstm": {"hidden": 8, "layers": 1}, name: SMALL.get(name, {})}
    recipe = Recipe.choose(name, "lstm", values=values)
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    runner = make_runner(network, recipe.encoder.schema, recipe.model, stepping="plain")
    made = Session(runner, recipe.encoder, limit=limit, like=like)
    made.feed([recipe.encoder.encode(waltz(metre=metre))], made=True)
    notes = made.made().notes
    assert made.done[0] == (len(notes) < len(ONSETS))
    return (notes["start"] / made.made().ticks_per_beat).tolist()


@pytest.mark.parametrize("name", ["tuple", "pianoroll", "voices"])
@pytest.mark.parametrize(("metre", "stop"), [((3, 4), 18), ((5, 4), 20), ((4, 4), 20)])
def test_bars_are_counted_from_the_bar_of_the_first_note(name, metre, stop):
    like = waltz(metre=metre, onsets=()).replace(has_end=True)
    found = beats_made(name, Limit(bars=2, ends=False), metre=metre, like=like)
    assert found == [beat for beat in ONSETS if beat < stop]


def test_beats_are_counted_from_the_bar_of_the_first_note():
    like = waltz(onsets=()).replace(has_end=True)
    assert beats_made("tuple", Limit(beats=4, ends=False), like=like) == [13, 15]
    assert beats_made("tuple", Limit(beats=4, bars=1, ends=False), like=like) == [13]
    assert beats_made("tuple", Limit(beats=6, bars=3, ends=False), like=like) == [13, 15, 17]


@pytest.mark.parametrize(("metre", "stop"), [((3, 4), 18), ((5, 4), 20)])
def test_steps_that_say_the_metre_are_counted_by_it(metre, stop):
    found = beats_made("remi", Limit(bars=2, ends=False), metre=metre)
    assert found == [beat for beat in ONSETS if beat < stop]


def test_bars_after_a_prompt_are_those_of_the_prompt():
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    runner = make_runner(network, recipe.encoder.schema, recipe.model, stepping="plain")
    prompt = waltz(onsets=(0, 1, 2))
    made = Session(runner, recipe.encoder, limit=Limit(bars=2, ends=False), like=prompt)
    made.prompt(prompt)
    more = waltz(onsets=(0, 1, 2, 4, 7.5, 8))
    made.feed([recipe.encoder.encode(more)[4:]], made=True)
    notes = made.made().notes
    assert (notes["start"] / made.made().ticks_per_beat).tolist() == [4, 7.5]

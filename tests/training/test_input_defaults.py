"""What networks are told where nobody said: decided from the music, kept in the recipe."""

import numpy as np
import pytest

import howlkit
from howlkit.music.piece import Piece
from howlkit.plugins import checked_encoder
from howlkit.training.input_defaults import repetition, with_inputs
from howlkit.training.recipe import Recipe
from tests.conftest import tune


def improvised(seed, velocity=64):
    """A piece in which nothing comes twice."""
    rng = np.random.default_rng(seed)
    return Piece.of([(480 * i, 240, int(rng.integers(30, 90)), velocity) for i in range(120)])


def played(seed):
    """A phrase over and over, struck otherwise each time."""
    rng = np.random.default_rng(seed)
    phrase = rng.integers(40, 80, 24).tolist()
    velocities = rng.integers(1, 128, 240).tolist()
    return Piece.of([(480 * i, 240, phrase[i % 24], velocities[i]) for i in range(240)])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Datasets by name."""
    made = {"tunes": tune, "improvised": improvised, "played": played}
    folder = tmp_path_factory.mktemp("music")
    return {
        name: howlkit.prepare([of(seed) for seed in range(12)], folder / name, quiet=True)
        for name, of in made.items()
    }


def decided(data, encoder="tuple", **heads):
    lines = []
    recipe = Recipe.choose(encoder, "lstm", values={"heads": heads})
    return with_inputs(recipe, data, given=heads, tell=lines.append).heads, lines


def test_repeats_are_searched_for_where_the_music_repeats_itself(folders):
    heads, (line,) = decided(folders["tunes"])
    assert heads.repeats == ("all",) and "heads.repeats=all" in line
    assert heads.repeats_by == "beats" and "heads.repeats_by=beats" in line
    heads, (line,) = decided(folders["tunes"], "remi")  # a step is no note
    assert heads.repeats and heads.repeats_by == "steps" and "repeats_by" not in line
    heads, (line,) = decided(folders["improvised"])
    assert heads.repeats == () and "0% of the steps repeat a passage" in line


def test_what_a_player_does_otherwise_each_time_need_not_be_alike(folders):
    heads, _ = decided(folders["played"])
    assert heads.repeats == ("shift", "shift_fine", "program", "pitch")
    assert repetition(howlkit.encoder("tuple"), folders["played"]).share > 0.8


def test_the_passage_is_as_long_with_encoders_of_several_steps_a_note(folders):
    by_remi = repetition(howlkit.encoder("remi"), folders["improvised"])
    assert by_remi.share < 0.05


def test_inputs_about_pitches_are_for_encoders_that_speak_of_notes(folders, monkeypatch):
    heads, _ = decided(folders["tunes"], "event")
    assert heads.intervals and not heads.relative and heads.pitch_classes == 64
    assert heads.scale and heads.harmony == 6
    monkeypatch.setattr(checked_encoder, "_note_pitches", lambda component: None)
    heads, _ = decided(folders["tunes"], "event")
    assert not heads.intervals and heads.pitch_classes == 0 and heads.elapsed
    assert not heads.scale and heads.harmony == 0


def test_heads_that_score_no_pitches_are_not_told_of_pitch_classes(folders):
    heads, (line,) = decided(folders["tunes"], "pianoroll")
    assert heads.pitch_classes == 0 and not heads.scale and heads.harmony == 0 and heads.elapsed
    assert not heads.intervals and "pitch_classes" not in line


def test_what_people_say_wins(folders):
    said = {"repeats": [], "relative": False, "pitch_classes": 0, "elapsed": False, "harmony": 0}
    heads, (line,) = decided(folders["tunes"], **said)
    assert heads.repeats == () and not heads.relative and not heads.elapsed
    assert heads.pitch_classes == 0 and not heads.scale and "repeats" not in line
    nothing = {
        "intervals": False,
        "scale": False,
        "sounding": False,
        "votes": False,
        "pulse": 0,
        "held": False,
    }
    assert decided(folders["tunes"], **said, **nothing)[1] == []  # left


def test_a_run_keeps_what_was_decided(folders, tmp_path):
    small = {"lstm.hidden": 8, "training.batch": 2}
    trained = howlkit.train(
        folders["tunes"], steps=2, options=small, out_dir=tmp_path / "run", quiet=True
    )
    assert trained.recipe.heads.repeats == ("all",) and trained.recipe.heads.elapsed
    again = howlkit.load(tmp_path / "run")
    assert again.recipe.heads == trained.recipe.heads
    assert again.recipe.heads.repeats_by == "beats"
    gone_on = howlkit.train(resume=tmp_path / "run", steps=4, quiet=True)
    assert gone_on.recipe.heads == trained.recipe.heads and gone_on.facts["step"] == 4
    assert len(gone_on.sample(notes=5, seed=1)) >= 5

"""`howlkit sample`: tempo, time signature, the prompt in the file, and what MIDI cannot say."""

import numpy as np
import pytest
import torch

from howlkit import plugins
from howlkit.errors import HowlkitError
from howlkit.music import CONTROL, TIME_SIGNATURE, Extras, Piece, Text, midi
from howlkit.network.likelihood import unigram
from howlkit.sampling import begin, length, music
from howlkit.sampling.generation import run as play
from howlkit.sampling.trained import Trained
from howlkit.training.recipe import Recipe
from tests.conftest import tune

WALTZ = {"tempo": 666_667, "time_signature": [3, 4]}  # 90 beats a minute
ENCODERS = ["tuple", "event", "remi", "pianoroll", "voices", "howl", "miditok"]


@pytest.fixture
def trained():
    """Return a function from an encoder to a model with random weights, trained on waltzes."""

    def make(name, facts=WALTZ):
        if not any(c.name == name for c in plugins.components("encoder")):
            pytest.skip(f"{name} is not installed")
        torch.manual_seed(0)
        recipe = Recipe.choose(name, "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
        counts = unigram(recipe.encoder, [tune(seed) for seed in range(3)])
        network = recipe.model.build(recipe.encoder.schema, recipe.heads)
        network.start_at(counts)
        seen = {field: count.tolist() for field, count in counts.items()}
        return Trained(recipe, network, {"unigram": seen, **facts}, "plain")

    return make


@pytest.fixture
def folder(trained, tmp_path):
    return trained("tuple").save_pretrained(tmp_path / "run")


def made(model, *, prompt=None, with_prompt=True, **opening):
    session = begin(model, limit=length(notes=25), prompt=prompt, **opening)
    play(session, plugins.create("sampler", "autoregressive"))
    metre = opening.get("time_signature")
    return music(session, 0, prompt, with_prompt=with_prompt, time_signature=metre)


def opening_of(piece):
    tempo = piece.tempos[0].tolist() if len(piece.tempos) else None
    metre = piece.time_signatures[0].tolist() if len(piece.time_signatures) else None
    return tempo, metre


@pytest.mark.parametrize("name", ENCODERS)
def test_music_without_a_prompt_has_a_tempo_and_a_time_signature(trained, name):
    piece = made(trained(name))
    if name == "remi":  # its steps set both
        assert opening_of(piece)[0][0] == opening_of(piece)[1][0] == 0
    else:
        assert opening_of(piece) == ((0, 666_667), (0, 3, 4))
    assert midi.read_bytes(midi.to_bytes(piece)).tempos.tolist() == piece.tempos.tolist()


@pytest.mark.parametrize("name", ENCODERS)
def test_tempo_and_time_signature_are_those_asked_for(trained, name):
    piece = made(trained(name), bpm=120, time_signature=(6, 8))
    assert opening_of(piece) == ((0, 500_000), (0, 6, 8))
    slow = made(trained(name), bpm=60)
    assert opening_of(slow)[0] == (0, 1_000_000)
    assert opening_of(slow)[1] == opening_of(made(trained(name)))[1]
    waltz = made(trained(name), time_signature=(3, 8))
    assert opening_of(waltz) == (opening_of(made(trained(name)))[0], (0, 3, 8))


def test_music_in_bars_goes_by_the_time_signature(trained):
    """The grammar of pianoroll counts bars in the metre that is asked for."""
    model = trained("pianoroll")
    for metre in ((3, 4), (5, 4)):
        session = begin(model, limit=length(notes=5), time_signature=metre)
        assert session.like.time_signatures.tolist() == [(0, *metre)]


def test_runs_without_the_time_signature_of_their_music_give_none(trained):
    assert opening_of(made(trained("tuple", {"tempo": 400_000}))) == ((0, 400_000), None)
    assert opening_of(made(trained("tuple", {}))) == ((0, 500_000), None)


def test_a_prompt_keeps_its_tempo_and_none_can_be_asked_for(trained):
    prompt = tune().excerpt(0, 20).replace(has_end=False)
    piece = made(trained("tuple"), prompt=prompt)
    assert piece.tempos.tolist() == prompt.tempos.tolist()
    assert not len(piece.time_signatures)
    with pytest.raises(HowlkitError, match="has its own tempo"):
        made(trained("tuple"), prompt=prompt, bpm=90)


def test_without_the_prompt_the_new_music_begins_at_its_bar(trained):
    prompt = (
        tune()
        .excerpt(0, 40)
        .replace(has_end=False, time_signatures=np.array([(0, 3, 4)], TIME_SIGNATURE))
    )
    whole = made(trained("tuple"), prompt=prompt)
    new = made(trained("tuple"), prompt=prompt, with_prompt=False)
    assert len(new) == 25 and len(whole) == len(prompt) + 25
    moved = int(whole.notes["start"][-1]) - int(new.notes["start"][-1])
    assert moved > 0 and moved % 1440 == 0
    assert int(new.notes["start"][0]) < 1440
    assert opening_of(new) == ((0, 500_000), (0, 3, 4))


def test_the_command_takes_tempo_and_time_signature(folder, howlkit, tmp_path):
    out = tmp_path / "new.mid"
    code, _, err = howlkit("sample", folder, "--notes", 9, "--out", out)
    assert code == 0, err
    assert opening_of(midi.read(out)) == ((0, 666_667), (0, 3, 4))
    other = tmp_path / "other.mid"
    asked = ("--tempo", 75, "--time-signature", "5/8")
    code, _, err = howlkit("sample", folder, "--notes", 9, "--out", other, *asked)
    assert code == 0, err
    assert opening_of(midi.read(other)) == ((0, 800_000), (0, 5, 8))


@pytest.mark.parametrize("metre", ["3", "3/5", "0/4", "256/4", "3/256", "x/4", "-3/4", "3/4/4"])
def test_a_time_signature_that_midi_cannot_say_is_refused(folder, howlkit, metre):
    code, _, err = howlkit("sample", folder, "--time-signature", metre)
    assert code == 2
    assert "no time signature; give one such as 3/4" in " ".join(err.split())


def test_options_that_contradict_each_other_are_refused(folder, howlkit, tmp_path):
    prompt = tmp_path / "mine.mid"
    midi.write(tune(), prompt)
    for option in (("--tempo", 90), ("--time-signature", "3/4")):
        code, _, err = howlkit("sample", folder, "--prompt", prompt, *option)
        assert code == 2
        assert f"{option[0]} is for music without a prompt" in err
    code, _, err = howlkit("sample", folder, "--without-prompt")
    assert code == 2 and "--without-prompt needs --prompt FILE" in err
    for bpm in (0, 3, 5000, "nan"):
        assert howlkit("sample", folder, "--tempo", bpm)[0] == 2


def test_the_command_leaves_out_the_prompt_if_asked(folder, howlkit, tmp_path):
    prompt, out = tmp_path / "mine.mid", tmp_path / "new.mid"
    midi.write(Piece.of([(480 * beat, 480, 60) for beat in range(16)]), prompt)
    arguments = ("--notes", 9, "--out", out, "--prompt", prompt, "--without-prompt")
    code, _, err = howlkit("sample", folder, *arguments)
    assert code == 0, err
    assert midi.read(out).notes["start"][0] < 1920
    assert "9 notes" in err


def test_what_midi_cannot_say_is_told(trained, howlkit, tmp_path):
    """Random weights of howl strike keys while they sound."""
    run = trained("howl").save_pretrained(tmp_path / "run")
    code, _, err = howlkit(
        "sample", run, "--notes", 200, "--without", "all", "--out", tmp_path / "n.mid"
    )
    assert code == 0, err
    (line,) = [line for line in err.splitlines() if line.startswith("In MIDI: ")]
    assert "struck again" in line


def test_a_prompt_comes_out_with_its_names_and_controllers(trained):
    extras = Extras(
        np.array([(0, 0, 0, 2), (0, 0, 7, 90), (480, 0, 10, 20)], CONTROL),
        (Text(0, 0, 3, b"Viola"), Text(0, -1, 2, b"by me"), Text(960, 0, 5, b"la")),
    )
    prompt = tune().excerpt(0, 20).replace(has_end=False, extras=extras)
    for name in ("tuple", "event", "remi"):
        heard = midi.as_written(made(trained(name), prompt=prompt)).extras
        assert heard.texts == extras.texts
        first = heard.controls[heard.controls["track"] == 0]
        assert first.tolist() == extras.controls.tolist()

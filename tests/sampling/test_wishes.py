"""Wishes of people are read, or refused in words; they become constraints and rules."""

import numpy as np
import pytest
import torch

from howlkit import constraint
from howlkit import sampler as howlkit_sampler
from howlkit.builtin.constraints import Range, Restrikes
from howlkit.constraints import LengthRule, LoopRule, PitchRule, PolyphonyRule, RestrikeRule
from howlkit.errors import ArgumentError, HowlkitError, OptionError, PluginError
from howlkit.music import Piece
from howlkit.network.likelihood import unigram
from howlkit.plugins import Plugins, registry
from howlkit.plugins.checked import unwrapped
from howlkit.sampling.steering import constraints_of, rules_of, told
from howlkit.sampling.trained import Trained
from howlkit.sampling.wishes import Wishes, density_of, instruments_of, range_of, without_of
from howlkit.training.recipe import Recipe
from tests.conftest import tune

DEFAULTS = ["restrikes", "loops", "bounds"]
WALTZ = {"tempo": 666_667, "time_signature": [3, 4]}  # 90 beats a minute


@pytest.fixture(scope="module")
def trained():
    """A model with random weights that has learnt how often each value is in some tunes."""
    torch.manual_seed(0)
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    counts = unigram(recipe.encoder, [tune(seed) for seed in range(3)])
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    network.start_at(counts)
    seen = {field: count.tolist() for field, count in counts.items()}
    return Trained(recipe, network, {"unigram": seen, **WALTZ}, "plain")


def encoder(name):
    return Recipe.choose(name, "lstm").encoder


@pytest.mark.parametrize(
    "value",
    ["48-84", " 48 - 84 ", "48..84", (48, 84), [48, 84]]
    + ["C3-C6", "c3 – 84", "B#2:B#5", "C3..C6", ("C3", "C6"), (48, "C6")],
)
def test_a_range_is_two_pitches(value):
    assert range_of(value) == (48, 84)
    assert range_of("C-1-Ab4") == range_of("C-1 – A♭4") == (0, 68)
    assert range_of("60-60") == (60, 60)


@pytest.mark.parametrize(
    "value",
    ["", "48", "C3", "C3-", "C-D", "H3-C5", "C3-A9", "48-128", "-1-5"]
    + [(48,), (1, 2, 3), 60, (1.5, 9), (True, 9)],
)
def test_what_is_no_range_is_refused(value):
    with pytest.raises(ArgumentError, match="is no range; .* such as 48-84"):
        range_of(value)


def test_a_range_that_goes_down_is_told_the_other_way_round():
    with pytest.raises(ArgumentError, match="write 48-84"):
        range_of("84-48")
    with pytest.raises(ArgumentError, match="write C3-C6"):
        range_of("C6-C3")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("4", (4, "beat")),
        (4, (4, "beat")),
        (0.5, (0.5, "beat")),
        ("4/beat", (4, "beat")),
        ("4/beats", (4, "beat")),
        ("1.5 / second", (1.5, "second")),
        ("6/s", (6, "second")),
    ],
)
def test_a_density_is_notes_in_a_beat_or_a_second(value, read):
    assert density_of(value) == read


@pytest.mark.parametrize(
    "value", ["", "many", "4/bar", "4/", "0", "-1", "nan", "inf", "2000", None]
)
def test_what_is_no_density_is_refused(value):
    with pytest.raises(ArgumentError, match="is no density; .* 4/beat or 6/second"):
        density_of(value)


def test_instruments_are_names_and_numbers():
    assert instruments_of("violin, cello") == ("violin", "cello")
    assert instruments_of(["violin", 42]) == ("violin", "42")
    assert instruments_of(40) == ("40",)
    for nothing in ("", " , ", []):
        with pytest.raises(ArgumentError, match="names no instrument"):
            instruments_of(nothing)
    with pytest.raises(HowlkitError, match="Did you mean 'cello'"):
        instruments_of("violin,celo")


def test_only_defaults_can_be_left_out():
    assert without_of("loops") == ("loops",)
    assert without_of(["loops", "bounds"]) == ("loops", "bounds")
    assert list(without_of(["all"])) == DEFAULTS
    for name in ("loop", "key"):
        with pytest.raises(ArgumentError, match="restrikes, loops, bounds"):
            without_of(name)


def made(values=None, **wishes):
    """The constraints of wishes, by name, as they are without what checks their calls."""
    found = [unwrapped(each) for each in constraints_of(Wishes(**wishes), values)]
    return {each.name: each for each in found}


def test_defaults_hold_unless_they_are_left_out():
    assert list(made()) == DEFAULTS
    assert list(made(without="loops")) == ["restrikes", "bounds"]
    assert list(made(without=["all"])) == []


def test_a_default_that_is_asked_for_by_name_holds():
    assert list(made(without="all", constraints=["loops"])) == ["loops"]
    assert list(made(constraints=["loops"])) == DEFAULTS  # once


def test_defaults_that_are_not_installed_are_not_missed(monkeypatch):
    builtins = [name for name in registry.BUILTINS if not name.endswith("constraints")]
    bare = Plugins.load([], builtins=builtins)
    monkeypatch.setattr(registry, "load", lambda: bare)
    assert made() == {}


def test_wishes_become_constraints():
    found = made(
        key="D minor",
        range=(48, 84),
        instruments="violin,drums",
        max_polyphony=3,
        density="6/second",
        chords="Dm | A7",
    )
    assert list(found)[3:] == ["key", "range", "instruments", "polyphony", "density", "chords"]
    assert found["key"].scale == "D minor"
    assert (found["range"].low, found["range"].high) == (48, 84)
    assert found["instruments"].names == ("violin", "drums")
    assert found["polyphony"].most == 3
    assert (found["density"].rate, found["density"].per) == (6, "second")
    assert found["chords"].progression == "Dm | A7"


def test_options_of_constraints_are_kept_beside_what_is_wished_for():
    assert made(constraints=[constraint("range", low="C3", high=84)])["range"].pitches == (48, 84)
    values = {"chords": {"soft": "5", "progression": "C"}, "restrikes": {"unless": 1.0}}
    found = made(values, chords="Dm")
    assert (found["chords"].soft, found["chords"].progression) == (5, "Dm")
    assert found["restrikes"].unless == 1


def test_constraints_that_are_made_take_the_place_of_a_default():
    mine = Restrikes(unless=1.0)
    assert made(constraints=[mine])["restrikes"] is mine
    names = [each.name for each in constraints_of(Wishes(constraints=[mine]))]
    assert names == ["loops", "bounds", "restrikes"]
    both = constraints_of(Wishes(range="0-60", constraints=[constraint("range", low=48)]))
    assert list(made(constraints="range"))[3:] == ["range"]
    assert made(constraints=Range(48, 60))["range"] == Range(48, 60)
    assert [unwrapped(each) for each in both][-2:] == [Range(0, 60), Range(48, 127)]


@pytest.mark.parametrize(
    ("wishes", "error", "said"),
    [
        ({"key": "H"}, OptionError, "key.scale: 'H' is no key"),
        ({"key": 5}, ArgumentError, "key is 5, a int; a text is needed"),
        ({"chords": "Dm | H"}, OptionError, "bar 2"),
        ({"chords": ["Dm"]}, ArgumentError, "a text is needed"),
        ({"max_polyphony": 0}, ArgumentError, "max_polyphony is 0"),
        ({"constraints": ["loop"]}, PluginError, "Did you mean 'loops'"),
        ({"constraints": [Range]}, ArgumentError, "constraints that are made"),
        ({"constraints": [7]}, ArgumentError, "constraints has 7"),
        ({"constraints": None}, ArgumentError, "constraints has None"),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(wishes, error, said):
    with pytest.raises(error) as refused:
        constraints_of(Wishes(**wishes))
    assert said in str(refused.value)


def rules(name="tuple", facts=None, like=None, **wishes):
    return rules_of(constraints_of(Wishes(**wishes)), encoder(name), facts=facts, like=like)


def test_rules_are_those_of_all_constraints_one_by_one():
    kinds = [RestrikeRule, LoopRule, LengthRule, PolyphonyRule, PitchRule]
    assert [type(rule) for rule in rules(key="C")] == kinds
    often = {"habits": {"restrikes": 0.2, "polyphony": 7}}
    assert [type(rule) for rule in rules(facts=often)] == kinds[1:4]
    assert rules(facts=often)[-1].most == 7


@pytest.mark.parametrize("name", ["tuple", "event", "remi", "voices", "pianoroll"])
def test_what_leaves_no_note_is_told_before_it_begins(name):
    for none in ({"key": "C D E", "range": (61, 61)}, {"range": (61, 61), "chords": "C"}):
        with pytest.raises(HowlkitError, match="no note is left"):
            rules(name, instruments="piano", **none)
    rules(name, key="C", range=(60, 60), chords="C")


def test_instruments_that_an_encoder_does_not_have_are_told():
    for name in ("voices", "pianoroll", "howl"):
        with pytest.raises(HowlkitError, match="it has Acoustic Grand Piano"):
            rules(name, instruments="violin")
    with pytest.raises(HowlkitError, match=r"no note is left.*\(21 to 108\)"):
        rules("pianoroll", range="0-20")


def test_key_auto_is_that_of_a_prompt_and_needs_one():
    prompt = Piece.of([(480 * i, 480, 60 + s) for i, s in enumerate([2, 5, 9, 2, 10, 9, 7, 5, 2])])
    rule = rules(key="auto", without="all", like=prompt)[0]
    named = rules(key="D minor", without="all")[0]
    assert np.array_equal(rule.tables, named.tables)
    with pytest.raises(HowlkitError, match="give a prompt"):
        rules(key="auto", like=Piece())


def told_of(name, **wishes):
    return " ".join(told(constraints_of(Wishes(**wishes)), encoder(name)))


def test_what_cannot_be_kept_exactly_is_told_to_those_who_ask_for_it():
    assert told_of("tuple", key="C", chords="C", density="4/beat") == ""
    assert "notes a second are counted at the tempo" in told_of("tuple", density="4/second")
    howl = told_of("howl", chords="C", density="4/beat")
    assert "constant tempo" in howl and "notes a beat are counted" in howl
    assert told_of("howl") == told_of("howl", key="C") == told_of("howl", density="4/second") == ""


@pytest.mark.parametrize(
    ("metre", "prompt", "beats"),
    [(None, None, 12), ((6, 8), None, 12), ((2, 2), None, 16), (None, tune(), 16)],
)
def test_bars_are_those_of_the_music(trained, metre, prompt, beats):
    """The training music is in 3/4; the prompt says nothing of its metre."""
    pieces = trained.sample(
        40, bars=4, seed=1, time_signature=metre, prompt=prompt, without_prompt=prompt is not None
    )
    lasts = [int(piece.notes["start"].max(initial=0)) / piece.ticks_per_beat for piece in pieces]
    assert beats - 3 < max(lasts) < beats + 4 * (prompt is not None)


def test_music_is_as_it_was_wished_for(trained):
    pieces = trained.sample(
        4, notes=40, seed=1, key="D minor", range="48-84", max_polyphony=2, without="loops"
    )
    for piece in pieces:
        pitches = piece.notes["pitch"]
        assert len(piece) == 40
        assert set((pitches % 12).tolist()) <= {2, 4, 5, 7, 9, 10, 0}
        assert pitches.min() >= 48 and pitches.max() <= 84
        starts, ends = piece.notes["start"], piece.notes["start"] + piece.notes["duration"]
        sounding = [int(((starts <= at) & (ends > at)).sum()) for at in starts]
        assert max(sounding) <= 2


@pytest.mark.parametrize("rate", [0.25, 1.0])
def test_there_are_about_as_many_notes_as_were_wished_for(trained, rate):
    """Steps say whole beats first, so a note may be too early or too late by then already."""
    for piece in trained.sample(3, notes=120, seed=1, density=rate):
        starts = piece.notes["start"] / piece.ticks_per_beat
        assert (len(starts) - 1) / (starts.max() - starts.min()) == pytest.approx(rate, rel=0.3)


def test_few_notes_at_once_are_found_where_the_model_hardly_ever_moves_on():
    """Of 100,000 steps one leaves the chord; draws alone would not find it."""
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    counts = unigram(recipe.encoder, [tune(seed) for seed in range(3)])
    counts["shift"] = np.where(np.arange(len(counts["shift"])) == 0, 1e7, 1.0)
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    network.start_at(counts)
    for stepping in ("plain", "auto"):
        made = Trained(recipe, network, {}, stepping).sample(notes=20, max_polyphony=1, seed=1)
        ends = made.notes["start"] + made.notes["duration"]
        assert len(made) == 20 and (made.notes["start"][1:] >= ends[:-1]).all()


def test_a_length_in_bars_stops_the_music(trained):
    piece = trained.sample(bars=4, seed=1)
    beats = piece.notes["start"] / piece.ticks_per_beat
    assert beats.max() - beats.min() < 12
    shorter = trained.sample(bars=4, beats=3, seed=1)
    assert len(shorter) < len(piece)
    with pytest.raises(ArgumentError, match="bars is 0"):
        trained.sample(bars=0)


def test_temperature_and_top_p_are_options_of_the_sampler(trained):
    length = {"notes": 20, "seed": 3}
    flagged = trained.sample(temperature=0.2, top_p=0.5, **length)
    sampler = howlkit_sampler("autoregressive", temperature=0.2, top_p=0.5)
    assert flagged == trained.sample(sampler=sampler, **length)
    assert flagged != trained.sample(**length)
    with pytest.raises(ArgumentError, match="options are for a sampler by name"):
        trained.sample(sampler=sampler, temperature=0.5, **length)


def test_a_bare_session_has_no_rules(trained):
    with pytest.raises(HowlkitError, match="without rules"):
        _ = trained.session(seed=1).heard
    ruled = trained.session(seed=1, constraints=[constraint("range", low=60, high=71)])
    for _ in range(30):
        ruled.step()
    pitches = ruled.piece().notes["pitch"]
    assert len(pitches) and pitches.min() >= 60 and pitches.max() <= 71

"""A part of a piece made anew: what is kept, to the tick, and what comes in its place."""

import os
from functools import cache

import numpy as np
import pytest
import torch

from howlkit.errors import ArgumentError, HowlkitError
from howlkit.music.piece import DRUMS, TIME_SIGNATURE, Piece
from howlkit.network.likelihood import unigram
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.replacing import Region, replace
from howlkit.sampling.replacing.as_it_was import join_as_it_was, joins_of
from howlkit.sampling.replacing.asked import takes_of
from howlkit.sampling.replacing.candidates import common_steps
from howlkit.sampling.replacing.takes import APART, difference
from howlkit.sampling.trained import Trained
from howlkit.sampling.wishes import Wishes
from howlkit.training.recipe import Recipe
from tests.conftest import random_piece, tune

CASES = int(os.environ.get("HOWLKIT_REPLACED", "96"))
"""How many random cases of all encoders together; `make replacing` tries 1,000."""

ENCODERS = ("tuple", "event", "remi", "voices", "pianoroll", "howl")

PLAIN = SamplingParams(top_p=0.98)


@cache
def trained(encoder):
    """A network of random weights that starts at the unigram model of some tunes."""
    torch.manual_seed(0)
    recipe = Recipe.choose(encoder, "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    network.start_at(unigram(recipe.encoder, [tune(seed, bars=40) for seed in range(3)]))
    return Trained(recipe, network, {}, "auto")


def test_steps_before_which_there_is_nothing_have_only_a_start_in_common():
    steps = trained("pianoroll").encoder.encode(tune(0, bars=1))
    assert common_steps(steps[:1], steps[1:]) == 1
    assert common_steps(steps[1:1], steps[1:]) == 0


def rows_of(notes):
    return sorted(notes.tolist())


@pytest.mark.parametrize("encoder", ENCODERS)
def test_everything_outside_stays(encoder):
    """Whatever the music, the region, the tracks and what is kept inside."""
    for case in range(-(-CASES // len(ENCODERS))):
        rng = np.random.default_rng([case, ENCODERS.index(encoder)])
        piece = tune(case, bars=4) if case % 3 == 0 else random_piece(case, 24)
        tracks = piece.notes.copy()
        tracks["track"] = rng.integers(0, 3, len(piece))
        piece = piece.replace(notes=tracks)
        begin = float(rng.integers(0, 6)) + rng.choice([0, 0.3])
        region = Region.of(
            piece,
            beats=(begin, begin + float(rng.integers(1, 3))),
            tracks=[int(piece.notes["track"][0])] if rng.random() < 0.5 else None,
            keep=rng.random(len(piece)) < 0.2 if rng.random() < 0.5 else None,
        )
        takes = replace(trained(encoder), region, takes=2, candidates=2, seed=case)
        for take in takes:
            kept = rows_of(piece.notes[~region.fresh])
            assert rows_of(take.piece.notes) == sorted(kept + take.notes.tolist()), case
            assert take.piece.replace(notes=piece.notes) == piece
            if len(take.notes):
                assert region.begin <= take.notes["start"].min()
                ends = take.notes["start"] + take.notes["duration"]
                assert ends.max() <= region.stop


def test_held_notes_are_kept_or_cut():
    held = Piece.of([(0, 4 * 1920, 48), *((480 * i, 480, 60) for i in range(16))])
    for cut, length in ((False, 4 * 1920), (True, 1920)):
        region = Region.of(held, bars=(2, 3), cut_held=cut)
        [take] = replace(trained("tuple"), region, candidates=1)
        long = take.piece.notes[take.piece.notes["pitch"] == 48]
        assert long["duration"].max() == length


def test_bars_follow_the_time_signatures():
    metres = np.array([(0, 3, 4), (1440 * 2, 4, 4)], TIME_SIGNATURE)
    piece = tune(bars=8).replace(time_signatures=metres)
    assert [Region.of(piece, bars=(n, n)).begin for n in (1, 2, 3, 4)] == [0, 1440, 2880, 4800]


@pytest.mark.parametrize("encoder", ["tuple", "event", "remi"])
def test_a_candidate_hears_what_is_kept_inside(encoder):
    """At the end its steps are those of its music, the kept notes in their places."""
    from howlkit.sampling.replacing import replacement

    piece = tune(1, bars=6)
    keep = piece.notes["pitch"] < 50
    region = Region.of(piece, bars=(3, 4), keep=keep)
    drafts = replacement._begin(
        trained(encoder), region, seed=0, candidates=3, groups=1, params=PLAIN,
        constraints=(), given=None, watch=None,
    )  # fmt: skip
    replacement._play(drafts, np.random.default_rng(0))
    for row in range(3):
        steps, _ = drafts.steps_before_end(row, tail=region.after[:4])
        heard = drafts.session.steps_of(row)
        inside = drafts.session.piece(row).notes
        assert {n["start"] for n in region.inside} <= {*inside["start"].tolist()}
        assert common_steps(heard, steps) >= len(heard) - 12  # but for the last, open notes


def test_the_best_comes_first_and_takes_differ():
    piece = tune(2, bars=8)
    region = Region.of(piece, bars=(3, 6))
    takes = replace(trained("tuple"), region, takes=4, candidates=16)
    assert [take.join for take in takes] == sorted(take.join for take in takes)
    for k, take in enumerate(takes):
        for other in takes[:k]:
            assert difference(take.notes, other.notes) >= APART


def test_more_candidates_join_better():
    region = Region.of(tune(3, bars=8), bars=(3, 4))
    [one] = replace(trained("tuple"), region, candidates=1)
    [best] = replace(trained("tuple"), region, candidates=16)
    assert best.join < one.join


def test_join_is_what_the_following_notes_cost():
    """For an encoder of one step a note: the nats that `Trained.nats` gives the notes after it."""
    piece = tune(4, bars=8)
    region = Region.of(piece, bars=(3, 4))
    model = trained("tuple")
    [take] = replace(model, region, candidates=1)
    nats = model.nats(take.piece, notes=True)
    first = int((take.piece.notes["start"] < region.stop).sum())
    assert take.join == pytest.approx(nats[first : first + 16].mean(), rel=0.02)


def test_the_same_seed_gives_the_same_takes():
    region = Region.of(tune(5, bars=6), bars=(2, 3))
    one, same, other = (
        replace(trained("tuple"), region, takes=2, candidates=4, seed=seed) for seed in (1, 1, 2)
    )
    assert [rows_of(t.notes) for t in one] == [rows_of(t.notes) for t in same]
    assert [rows_of(t.notes) for t in one] != [rows_of(t.notes) for t in other]


@pytest.mark.parametrize("encoder", ["tuple", "event", "remi"])
def test_the_rhythm_is_kept_to_the_tick(encoder):
    piece = tune(6, bars=6)
    notes = piece.notes.copy()
    notes["start"] += 3  # off every grid
    region = Region.of(piece.replace(notes=notes), beats=(8, 12))
    takes = replace(trained(encoder), region, takes=2, candidates=4, given="rhythm", constraints=())
    for take in takes:
        for name in ("start", "duration", "velocity"):
            assert take.notes[name].tolist() == region.original[name].tolist()
    assert takes[0].notes["pitch"].tolist() != region.original["pitch"].tolist()


@pytest.mark.parametrize("encoder", ["tuple", "howl"])
def test_the_rhythm_is_kept_where_each_note_begins_on_a_beat_of_its_own(encoder):
    """What settles an onset only in part, by the beat, says by when a note begins at the latest."""
    piece = Piece.of([(480 * k, 480, 60 + k % 7) for k in range(24)])
    region = Region.of(piece, bars=(4, 4))
    takes = replace(trained(encoder), region, takes=2, candidates=4, given="rhythm")
    assert all(take.complete for take in takes)
    assert [take.notes["start"].tolist() for take in takes] == 2 * [[5760, 6240, 6720, 7200]]


@pytest.mark.parametrize("encoder", ["tuple", "event", "remi"])
def test_the_pitches_are_kept_in_their_order(encoder):
    region = Region.of(tune(7, bars=6), beats=(8, 16), keep=lambda notes: notes["pitch"] < 50)
    [take] = replace(trained(encoder), region, candidates=8, given="pitches")
    old = region.original[np.lexsort((region.original["pitch"], region.original["start"]))]
    new = take.notes[np.lexsort((take.notes["pitch"], take.notes["start"]))]
    assert take.complete == (len(old) == len(new)) and take.join < 1000
    fits = min(len(old), len(new))
    assert fits >= len(old) // 2
    assert new["pitch"][:fits].tolist() == old["pitch"][:fits].tolist()


@pytest.mark.parametrize("encoder", ["voices", "pianoroll"])
def test_no_pitch_is_made_up_where_a_step_decides_several_notes(encoder):
    """How many of the given ones a network without training begins in time is left open."""
    region = Region.of(tune(7, bars=6), beats=(8, 16))
    for take in replace(trained(encoder), region, takes=2, candidates=4, given="pitches"):
        made = np.lexsort((take.notes["pitch"], take.notes["start"]))
        old = np.lexsort((region.original["pitch"], region.original["start"]))
        given = region.original["pitch"][old][: len(made)].tolist()
        assert take.notes["pitch"][made].tolist() == given


def test_the_best_candidates_of_each_round_get_other_ends():
    from howlkit.sampling.replacing import replacement

    region, count = Region.of(tune(5, bars=8), bars=(3, 6)), 8
    edges = [9600, 10560, 11040]  # the last bar, its second half, and half of that
    assert replacement._edges(region, 3) == edges and replacement._edges(region, 0) == []
    drafts = replacement._begin(
        trained("tuple"), region, seed=0, candidates=count, groups=1, params=PLAIN,
        constraints=(), given=None, watch=None,
    )  # fmt: skip
    made, joins = replacement._rounds(drafts, np.random.default_rng(0), 3, quotes=False)
    rounds = [made[k : k + count] for k in range(0, 4 * count, count)]
    assert len(made) == len(joins) == 4 * count
    for number, edge in enumerate(edges):
        order = np.argsort(joins[number * count :][:count], kind="stable")
        best = [rounds[number][k] for k in order[: count // replacement.SURVIVORS]]
        for row, notes in enumerate(rounds[number + 1]):
            before = notes[notes["start"] < edge]
            of = best[row % len(best)]
            assert before["pitch"].tolist() == of["pitch"][of["start"] < edge].tolist()
        assert {tuple(n["pitch"]) for n in rounds[number + 1]} != {tuple(n["pitch"]) for n in best}


def test_regions_of_a_bar_get_another_second_half():
    from howlkit.sampling.replacing import replacement

    piece = tune(bars=4)
    assert replacement._edges(Region.of(piece, bars=(2, 2)), 3) == [2880, 3360, 3600]
    assert replacement._edges(Region(piece, 1920, 1921, np.zeros(len(piece), bool)), 3) == []


def test_joins_of_several_are_those_of_each():
    region = Region.of(tune(2, bars=8), bars=(3, 4), keep=lambda notes: notes["pitch"] < 50)
    made = [region.original, region.original[:0], region.original[::2]]
    together = joins_of(trained("tuple"), region, made)
    alone = [joins_of(trained("tuple"), region, [notes])[0] for notes in made]
    assert np.allclose(together, alone, atol=1e-4) and len(set(together.tolist())) == 3
    assert together[0] == pytest.approx(join_as_it_was(trained("tuple"), region), abs=1e-4)


def test_what_comes_before_may_be_drums_alone_that_the_encoder_leaves_out():
    """Takes and the music that was there begin alike: from nothing."""
    notes = [*((240 * i, 120, 42, 80, DRUMS, 1) for i in range(8)), *(
        (1920 + 240 * i, 200, 60 + i) for i in range(24)
    )]  # fmt: skip
    region = Region.of(Piece.of(notes), bars=(2, 2))
    [take] = replace(trained("voices"), region, candidates=2)
    assert np.isfinite(take.join) and np.isfinite(join_as_it_was(trained("voices"), region))


def test_who_watches_can_stop():
    seen = []

    def watch(notes):
        seen.append(len(notes))
        return len(notes) >= 5

    region = Region.of(tune(8, bars=8), bars=(3, 6))
    [take] = replace(trained("tuple"), region, candidates=4, watch=watch)
    assert seen == sorted(seen) and seen[-1] == 5 and 4 <= len(take.notes) <= 6


def test_drums_go_to_their_track():
    beat = [(240 * i, 120, 42, 80, DRUMS, 1) for i in range(64)]
    piece = tune(9, bars=8).add(Piece.of(beat))
    region = Region.of(piece, bars=(2, 3), tracks=[1])
    assert region.programs == [DRUMS]
    [take] = takes_of(
        trained("tuple"), region, takes=1, candidates=2, seed=0, params=PLAIN, wishes=Wishes(),
        given=None, watch=None,
    )  # fmt: skip
    assert set(take.notes["program"].tolist()) <= {DRUMS}
    assert set(take.notes["track"].tolist()) <= {1}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "give one of them"),
        ({"bars": (1, 2), "beats": (0, 4)}, "give one of them"),
        ({"bars": (3, 2)}, "comes before the first"),
        ({"bars": 3}, "two numbers"),
        ({"beats": (4, 4)}, "must end after it begins"),
        ({"bars": (50, 60)}, "after the end"),
        ({"bars": (10**9, 10**9)}, "after the end"),
        ({"bars": (2, 10**9)}, "beats after the end of tune 0; at most 4096"),
        ({"beats": (2, 1e12)}, "beats after the end of tune 0; at most 4096"),
        ({"seconds": (1, 1e12)}, "beats after the end of tune 0; at most 4096"),
        ({"bars": (1, 2), "tracks": [7]}, "track 7 has no notes"),
        ({"bars": (1, 2), "keep": [9999]}, "by their numbers"),
    ],
)
def test_a_region_that_there_is_not(wrong, says):
    with pytest.raises(ArgumentError, match=says):
        Region.of(tune(bars=4), **wrong)


def test_more_takes_than_candidates():
    with pytest.raises(HowlkitError, match="allowed"):
        replace(trained("tuple"), Region.of(tune(), bars=(1, 1)), takes=3, candidates=2)

"""Samplers that stop too early or never, and encoders whose decode loses notes."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.samplers import Autoregressive
from howlkit.errors import PluginError
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.network.likelihood import unigram
from howlkit.sampling import UnfinishedError, generation, music
from howlkit.sampling.limits import Limit
from howlkit.sampling.trained import Trained
from howlkit.testing.samplers import session
from howlkit.training.recipe import Recipe
from tests.conftest import tune


@pytest.fixture(autouse=True)
def sooner(monkeypatch):
    monkeypatch.setattr("howlkit.sampling.generation.MOST_IDLE", 50)


def made(rows=2, notes=9, encoder=None):
    limit = Limit(notes=notes, ends=False)
    return session(**({} if encoder is None else {"encoder": encoder}), rows=rows, limit=limit)


class Tired(Autoregressive):
    def generate(self, session):
        for _ in range(4):
            yield session.step()


class Restless(Autoregressive):
    """Goes on for ever, each time in another way."""

    def generate(self, session):
        while True:
            yield session.step()


class Feeder(Autoregressive):
    def generate(self, session):
        while True:
            step = session.step()
            if session.done.all():
                session.feed(
                    [row[n - 1 : n] for row, n in zip(session.steps, session.lengths, strict=True)],
                    made=True,
                )
            yield step


class Idle(Autoregressive):
    def generate(self, session):
        step = session.step()
        while True:
            yield step


class Undecided(Autoregressive):
    """Takes every step back."""

    def generate(self, session):
        while True:
            yield session.step()
            session.rewind(1)


def test_one_that_stops_early_is_named_and_what_it_made_is_there():
    started = made()
    with pytest.raises(UnfinishedError, match=r"Tired\) stopped before any row was done; 8 notes"):
        generation.run(started, Tired())
    assert len(music(started, 0)) == 4 and len(music(started, 1)) == 4


@pytest.mark.parametrize("sampler", [Restless, Feeder])
def test_one_that_goes_on_when_all_is_made_is_stopped_and_said(sampler):
    started = made()
    said = generation.run(started, sampler())
    assert f"{sampler.__name__}) was stopped: it yielded 50 steps more after the music had" in said
    assert all(len(started.made(row)) >= 9 for row in range(2))


@pytest.mark.parametrize("sampler", [Idle, Undecided])
def test_one_that_yields_without_getting_on_is_stopped_and_said(sampler):
    with pytest.raises(UnfinishedError, match=r"it yielded 50 steps more, with which the music go"):
        generation.run(made(), sampler())


def test_a_sound_one_is_told_nothing():
    started = made(notes=200)  # more steps than it may idle
    assert generation.run(started, Autoregressive()) == ""
    assert started.notes.tolist() == [200, 200]


@dataclass(frozen=True)
class Silent(Tuple):
    """Decodes nothing."""

    keeps: int = 0

    def decode(self, steps, *, like=None):
        piece = super().decode(steps, like=like)
        return piece.replace(notes=piece.notes[: self.keeps])


@pytest.mark.parametrize("keeps", [0, 8])
def test_an_encoder_whose_decode_loses_notes_is_named(keeps):
    started = made(encoder=Silent(grid=4, durations=4, velocities=4, keeps=keeps))
    generation.run(started, Autoregressive())
    said = rf"Silent\): decode returned {keeps} notes for 10 steps, in which its grammar counted 9"
    for ask in (started.piece, started.made):
        with pytest.raises(PluginError, match=said):
            ask()


@pytest.fixture
def run_folder(tmp_path):
    torch.manual_seed(0)
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    counts = {name: n.tolist() for name, n in unigram(recipe.encoder, [tune()]).items()}
    return Trained(recipe, network, {"unigram": counts}, "plain").save_pretrained(tmp_path / "run")


def test_the_command_writes_what_there_is_and_exits_1(run_folder, howlkit, tmp_path, monkeypatch):
    monkeypatch.setattr(Autoregressive, "generate", Tired.generate)
    out = tmp_path / "new.mid"
    code, _, err = howlkit("sample", run_folder, "--notes", 9, "--out", out)
    assert code == 1 and len(midi.read(out)) == 4
    assert "sampler 'autoregressive'" in err.splitlines()[-1]
    assert "stopped before any row was done; 4 notes were made" in err.splitlines()[-1]


def test_the_command_stops_one_that_never_ends(run_folder, howlkit, tmp_path, monkeypatch):
    monkeypatch.setattr(Autoregressive, "generate", Restless.generate)
    out = tmp_path / "new.mid"
    code, _, err = howlkit("sample", run_folder, "--notes", 9, "--out", out)
    assert code == 0 and len(midi.read(out)) == 9
    assert "was stopped: it yielded 50 steps more after the music had its length" in err


def test_the_command_ends_where_time_stands_still(run_folder, howlkit, tmp_path, monkeypatch):
    monkeypatch.setattr("howlkit.sampling.limits.STEPS_ALWAYS", 20)
    monkeypatch.setattr("howlkit.sampling.limits.STEPS_A_UNIT", {"seconds": 0.1})
    still = property(lambda self: np.zeros(len(self.lengths)))
    monkeypatch.setattr("howlkit.sampling.state.RowState.now", still)
    out = tmp_path / "new.mid"
    code, _, err = howlkit("sample", run_folder, "--seconds", 60, "--out", out)
    assert code == 0 and isinstance(midi.read(out), Piece)
    assert "The piece is cut after 26 steps, before the length asked for: in the music of" in err

import dataclasses
import json

import numpy as np
import pytest

import howlkit
from howlkit.errors import CheckpointError
from howlkit.music.piece import Piece
from howlkit.sampling import tuning
from howlkit.sampling.tuning import Tuning
from howlkit.schema import STEP
from howlkit.training.variety import entropies, shares, variety
from tests.conftest import random_piece, write

SMALL = {"lstm.hidden": 8, "training.batch": 2, "heads.width": 8, "heads.embedding": 4}
TUPLE = howlkit.encoder("tuple")
NOTHING = Tuning({}, {})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tempered")
    rng = np.random.default_rng(0)
    for number in range(12):  # low pitches are likely, so a temperature changes much
        pitches = 40 + np.minimum(rng.geometric(0.2, 100), 60)
        piece = Piece.of([(240 * i, 240, int(pitch)) for i, pitch in enumerate(pitches)])
        write(piece, folder / "music" / f"{number}.mid")
    out = folder / "run"
    howlkit.train(folder / "music", steps=3, options=SMALL, out_dir=out, quiet=True)
    return out


@pytest.fixture(scope="module")
def repeating(tmp_path_factory):
    """A run whose music comes back, and whose votes have been learnt a little."""
    folder = tmp_path_factory.mktemp("repeating")
    rng = np.random.default_rng(0)
    for number in range(8):
        tune = np.tile(rng.integers(48, 84, 8), 12)
        played = np.where(rng.random(96) < 0.2, rng.integers(48, 84, 96), tune)
        piece = Piece.of([(240 * i, 240, int(pitch)) for i, pitch in enumerate(played)])
        write(piece, folder / "music" / f"{number}.mid")
    out = folder / "run"
    options = {**SMALL, "training.rate": 0.02, "training.window": 64}
    howlkit.train(folder / "music", steps=60, options=options, out_dir=out, quiet=True)
    assert howlkit.load(out).recipe.heads.votes
    return out


@pytest.fixture
def quick(monkeypatch):
    """Few rows, and networks that have hardly learnt anything count."""
    monkeypatch.setattr(tuning, "ROWS", 12)
    monkeypatch.setattr(tuning, "FEWEST_STEPS", 1)


def wanting(run, shares=None, **entropies):
    """The model of a run whose training music has these entropies, and these shares."""
    trained = howlkit.load(run)
    known = {"steps": 100, "entropies": entropies, "shares": shares or {}}
    return dataclasses.replace(trained, facts={**trained.facts, "variety": known})


def test_variety_is_that_of_excerpts_of_one_length():
    tune = [Piece.of([(480 * i, 480, 60 + i % 4) for i in range(n)]) for n in (4, 20, 30, 40)]
    found = variety(TUPLE, tune)
    assert found["steps"] == 30  # of the three that are long enough, half have so many
    shares = np.array([8, 8, 7, 7]) / 30
    assert found["entropies"]["pitch"] == pytest.approx(-(shares * np.log2(shares)).sum())
    assert found["entropies"]["velocity"] == 0
    assert variety(TUPLE, tune[:1]) == {}


def row_of(*notes):
    return TUPLE.encode(Piece.of(list(notes)))


def test_what_comes_back_is_counted_by_passages_of_four_notes():
    tune = [(480 * i, 480, pitch) for i, pitch in enumerate([60, 64, 62, 67, 65] * 2)]
    found = shares(TUPLE.schema, row_of(*tune), 100)["repeated"]
    assert found == pytest.approx(1 / 7)  # the first passage has a shift of its own
    assert shares(TUPLE.schema, row_of(*tune), 5)["repeated"] == 0
    assert np.isnan(shares(TUPLE.schema, row_of(*tune), 3)["repeated"])


@pytest.mark.parametrize(
    ("above", "consonant"), [(4, 1.0), (7 + 12, 1.0), (1, 0.0), (6, 0.0), (10, 0.0), (12, 1.0)]
)
def test_consonant_is_what_sounds_well_with_what_sounds(above, consonant):
    pairs = [(960 * i, 480, 40 + above * j) for i in range(30) for j in range(2)]
    row = row_of(*pairs)
    assert shares(TUPLE.schema, row, 60)["consonant"] == consonant
    assert np.isnan(shares(TUPLE.schema, row, 20)["consonant"])  # ten intervals are too few
    after_one_another = row_of(*((480 * i, 480, 40 + above * (i % 2)) for i in range(60)))
    assert np.isnan(shares(TUPLE.schema, after_one_another, 60)["consonant"])


def test_encoders_of_several_steps_a_note_have_no_shares():
    remi = howlkit.encoder("remi")
    assert shares(remi.schema, remi.encode(random_piece(1, 60)), 100) == {}


def test_only_steps_where_a_field_is_active_count():
    pedals = howlkit.encoder("tuple", pedals=True)
    row = pedals.encode(random_piece(1, 60))
    notes = row[row["mark"] == STEP]
    pedal = notes[:30].copy()
    pedal["kind"] = 0  # a step of the pedal has no pitch
    mixed = np.concatenate((row[:1], pedal, notes))
    plain, both = (entropies(pedals.schema, each, 1000) for each in (row, mixed))
    assert both["pitch"] == plain["pitch"] and both["kind"] > 0 == plain["kind"]
    nothing = entropies(pedals.schema, row[:1], 1000)
    assert all(np.isnan(value) for value in nothing.values())


@pytest.fixture
def cool(run, quick):
    """The entropy of pitches at a temperature of 0.75."""
    return pitch_entropy(wanting(run), 0.75)


def pitch_entropy(trained, temperature):
    """The entropy of pitches in music that is drawn at a temperature."""
    return tuning._made(Tuning({"pitch": temperature}, {}).applied(trained), entropies, 0)["pitch"]


def test_fields_are_cooled_until_they_are_as_varied_as_asked(run, cool):
    trained = wanting(run, pitch=cool, velocity=9.0)
    found = tuning.find_tuning(trained)
    assert found == tuning.find_tuning(trained)  # nothing is left to chance
    assert set(found.temperatures) == {"pitch"} and found.emphasis == {}
    assert tuning.COOLEST <= found.temperatures["pitch"] < 0.97
    assert pitch_entropy(trained, 1.0) > cool + 0.1


def test_what_no_temperature_makes_less_varied_is_left_as_it_is(run, quick):
    assert tuning.find_tuning(wanting(run, pitch=0.1)) == NOTHING


def test_nothing_is_cooled_where_nothing_is_known_or_music_is_varied_enough(run, quick):
    assert tuning.find_tuning(wanting(run)) == NOTHING
    assert tuning.find_tuning(wanting(run, pitch=7.0, duration=9.0)) == NOTHING


def repeated(trained, votes):
    made = Tuning({}, {"votes": votes}).applied(trained)
    return tuning._made(made, shares, 0)["repeated"]


def test_votes_count_for_more_until_passages_come_back_as_often(repeating, quick):
    little, much = repeated(wanting(repeating), 1.0), repeated(wanting(repeating), 1.4)
    assert much > little + 0.02
    aim = {"repeated": (little + much) / 2}
    found = tuning.find_tuning(wanting(repeating, shares=aim))
    assert found == tuning.find_tuning(wanting(repeating, shares=aim))
    assert found.temperatures == {} and set(found.emphasis) == {"votes"}
    assert 1.03 < found.emphasis["votes"] <= tuning.STRONGEST
    assert tuning.find_tuning(wanting(repeating, shares={"repeated": 0.0})) == NOTHING
    assert tuning.find_tuning(wanting(repeating, shares={"elsewhere": 0.9})) == NOTHING


def test_a_run_keeps_what_was_found_and_samples_follow_it(run, cool):
    config = run / "model" / "config.json"
    stored = json.loads(config.read_text("utf-8"))
    stored["facts"]["variety"] = {"steps": 100, "entropies": {"pitch": cool}, "shares": {}}
    config.write_text(json.dumps(stored), "utf-8")
    before = howlkit.load(run).sample(notes=30, seed=2)
    line = tuning.tune(run)
    trained = howlkit.load(run)
    found = trained.facts["sampling"]["pitch"]["temperature"]
    assert found < 0.97 and f"pitch {found:.2f}" in line
    assert trained.facts["sampling"]["mark"] == {"top_p": 1.0}  # what was advised before stays
    after = trained.sample(notes=30, seed=2)
    assert not np.array_equal(before.notes, after.notes)
    said = {**trained.facts["sampling"], "pitch": {"temperature": 1.0}}
    assert np.array_equal(trained.sample(notes=30, seed=2, **said).notes, before.notes)


def test_a_run_that_has_hardly_been_trained_is_left_alone(run):
    before = (run / "model" / "config.json").read_bytes()
    assert tuning.tune(run) is None
    assert (run / "model" / "config.json").read_bytes() == before


def test_a_run_that_cannot_be_sampled_or_written_says_so(run, quick, monkeypatch, tmp_path):
    assert "No temperatures were found" in tuning.tune(tmp_path)

    def full(path, recipe, facts):
        raise CheckpointError("the disk is full")

    monkeypatch.setattr(tuning, "find_tuning", lambda trained: Tuning({"pitch": 0.8}, {}))
    monkeypatch.setattr(tuning.model_folder, "rewrite_facts", full)
    assert tuning.tune(run).endswith("which is drawn at 1: the disk is full")


@pytest.mark.parametrize("door", ["python", "command line"])
def test_training_ends_with_the_search(door, tmp_path, monkeypatch, request):
    monkeypatch.setattr(tuning, "FEWEST_STEPS", 2)
    monkeypatch.setattr(tuning, "find_tuning", lambda trained: Tuning({"pitch": 0.81}, {}))
    write(random_piece(1, 200), tmp_path / "music" / "a.mid")
    write(random_piece(2, 200), tmp_path / "music" / "b.mid")
    out = tmp_path / "run"
    if door == "python":
        howlkit.train(tmp_path / "music", steps=2, options=SMALL, out_dir=out, quiet=True)
    else:
        options = [word for name, value in SMALL.items() for word in ("-o", f"{name}={value}")]
        words = ["train", tmp_path / "music", "--steps", 2, "--out-dir", out, *options]
        code, _, said = request.getfixturevalue("howlkit")(*words)
        assert code == 0 and "pitch 0.81" in said
    assert howlkit.load(out).facts["sampling"]["pitch"] == {"temperature": 0.81}

"""`howlkit statistics` as its users meet it."""

import json

import numpy as np
import pytest

from howlkit.dataset import prepare
from howlkit.evaluation.statistics import FEATURES, STATISTICS, polyphony
from howlkit.music import midi
from howlkit.music.piece import Piece
from tests.commands.test_prepare import here  # noqa: F401 - a fixture
from tests.conftest import tune, walk, write


@pytest.fixture
def tunes(tmp_path):
    """Another folder: eight tunes over held basses."""
    for seed in range(8):
        write(tune(seed), tmp_path / "tunes" / f"{seed}.mid")
    return tmp_path / "tunes"


def test_a_folder_a_dataset_and_a_file_are_measured(here, howlkit):  # noqa: F811
    prepare([here / "music"], here / "data")
    (_, folder, _), (_, data, _) = (howlkit("statistics", p, "--json") for p in ("music", "data"))
    folder, data = json.loads(folder), json.loads(data)
    assert folder["pieces"] == 12 and folder["music"] == "music"
    assert folder["statistics"] == data["statistics"] and list(data["statistics"]) == [*STATISTICS]
    values = [polyphony(midi.read(path)) for path in midi.find(["music"])]
    low, median, high = np.quantile(values, [0.1, 0.5, 0.9])
    expected = {"pieces": 12, "low": low, "median": median, "high": high}
    assert data["statistics"]["polyphony"] == pytest.approx(expected)
    code, one, err = howlkit("statistics", "music/0/00.mid", "--json")
    assert code == 0 and json.loads(one)["pieces"] == 1 and err == ""


def test_a_table_says_how_many_pieces_have_a_statistic(here, howlkit):  # noqa: F811
    code, out, err = howlkit("statistics", "music")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert code == 0 and out.startswith("MUSIC  music, 12 pieces\n")
    assert rows["drum_in_pattern_rate"] == ["0", "-", "-", "-"]
    count, low, median, high = rows["n_pitches_used"]
    assert count == "12" and float(low) <= float(median) <= float(high)
    assert err.splitlines()[-1].endswith("howlkit statistics music --against chorales")
    assert set(STATISTICS) < set(rows)


def test_what_no_piece_has_is_null_and_never_nan(here, howlkit):  # noqa: F811
    out = howlkit("statistics", "music", "--json")[1]
    rows = json.loads(out, parse_constant=lambda name: pytest.fail(name))["statistics"]
    assert rows["drum_in_pattern_rate"]["median"] is None
    assert rows["drum_in_pattern_rate"]["pieces"] == 0


def test_two_sets_stand_side_by_side(here, tunes, howlkit):  # noqa: F811
    code, out, err = howlkit("statistics", "music", "--against", "tunes")
    top, bottom = out.split("\ndistance (median)")
    assert code == 0 and "OTHER  tunes, 8 pieces" in top and "in OTHER" in bottom
    assert {line.split()[0] for line in bottom.splitlines()[1:]} == set(FEATURES)
    assert err.splitlines()[-1].endswith("howlkit statistics music --against tunes --json")
    told = json.loads(howlkit("statistics", "music", "--against", "tunes", "--json")[1])
    assert told["against"]["pieces"] == 8 and told["seed"] == 0
    count = told["features"]["note_count"]
    assert count["within_other"] == count["within_music"] == 0 and count["between"] == 36
    assert count["overlap"] == pytest.approx(0, abs=1e-6) and count["kl"] > 10
    back = json.loads(howlkit("statistics", "tunes", "--against", "music", "--json")[1])
    assert back["features"]["pitch_range"]["overlap"] == pytest.approx(
        told["features"]["pitch_range"]["music_overlap"]
    )


def test_more_of_the_same_kind_is_like_it(here, howlkit):  # noqa: F811
    for seed in range(50, 62):
        write(walk(seed, 120), here / "more" / f"{seed}.mid")
    told = json.loads(howlkit("statistics", "more", "--against", "music", "--json")[1])
    assert all(row["overlap"] > 0.7 and row["kl"] < 0.3 for row in told["features"].values())


def test_one_piece_has_medians_but_no_distances(here, howlkit):  # noqa: F811
    code, out, err = howlkit("statistics", "music/0/00.mid", "--against", "music")
    assert code == 0 and "MUSIC  music/0/00.mid, 1 piece\n" in out and "KL" not in out
    assert "No distances for any feature: the music has 1" in err
    out = howlkit("statistics", "music", "--against", "music/0/00.mid", "--json")[1]
    assert set(json.loads(out)["features"].values()) == {None}


def test_a_feature_that_too_few_pieces_have_is_named(here, tunes, howlkit):  # noqa: F811
    for number in range(3):
        write(Piece.of([(0, 480, 60 + number)]), here / "ones" / f"{number}.mid")
    code, out, err = howlkit("statistics", "ones", "--against", "tunes")
    rows = {line.split()[0]: line.split()[1:] for line in out.split("distance")[1].splitlines()}
    assert (
        code == 0 and rows["average_pitch_interval"] == ["-"] * 5 and "-" not in rows["note_count"]
    )
    assert "average_pitch_interval" in err and "note_count" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 1, "nowhere does not exist"),
        (["music", "--against", "nowhere"], 1, "nowhere does not exist"),
        (["empty"], 1, "empty"),
        (["text.mid"], 1, "not a MIDI file"),
        (["music", "--seed", "-1"], 2, "--seed"),
        ([], 2, "MUSIC"),
    ],
)
def test_mistakes_get_words(here, howlkit, arguments, code, words):  # noqa: F811
    (here / "empty").mkdir()
    (here / "text.mid").write_text("no music")
    got, out, err = howlkit("statistics", *arguments)
    assert (got, out) == (code, "") and words in err and "Traceback" not in err


def test_no_path_reaches_the_terminal_raw(here, howlkit):  # noqa: F811
    (here / "music").rename(here / "mu\x1b[2Jsic")
    code, out, err = howlkit("statistics", "mu\x1b[2Jsic")
    assert code == 0 and "\x1b" not in out + err and "\\x1b" in out


def test_of_many_pieces_the_pairs_are_drawn_by_seed(here, howlkit):  # noqa: F811
    rng = np.random.default_rng(0)
    for number in range(105):  # 105 x 105 pairs are more than 10,000
        notes = [(480 * i, 480, int(p)) for i, p in enumerate(rng.integers(40, 90, 4))]
        write(Piece.of(notes), here / "many" / f"{number}.mid")
    one, other = (
        json.loads(howlkit("statistics", "many", "--against", "many", "--seed", s, "--json")[1])
        for s in (1, 2)
    )
    assert one["seed"] == 1 and one["statistics"] == other["statistics"]
    one_kl, other_kl = (told["features"]["pitch_class_histogram"]["kl"] for told in (one, other))
    assert one_kl != other_kl


@pytest.fixture
def two_kinds(tmp_path, monkeypatch):
    """Folders `walks` and `others` of random walks, and `tunes`, in a folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("howlkit.evaluation.told.classifier.TREES", 40)
    for name, make, first in (("walks", walk, 0), ("others", walk, 100)):
        for seed in range(first, first + 21):
            write(make(seed, 60), tmp_path / name / f"{seed}.mid")
    for seed in range(24):
        write(tune(seed, bars=8), tmp_path / "tunes" / f"{seed}.mid")
    return tmp_path


def test_told_says_in_how_many_excerpts_and_by_what(two_kinds, howlkit):
    asked = ["statistics", "tunes", "--against", "walks", "--told", "--length", 10]
    code, out, err = howlkit(*asked)
    assert code == 0, err
    assert out.startswith("told, version 1: excerpts of 10 seconds, ")
    row = next(line for line in out.splitlines() if line.startswith("made from real"))
    assert float(row.split()[3]) > 95 and ".." in row
    assert err.splitlines()[-1].endswith("howlkit statistics tunes --against walks --told --json")
    printed = json.loads(howlkit(*asked, "--json")[1])
    assert printed["told"]["told"] == pytest.approx(float(row.split()[3]), abs=0.05)
    assert len(printed["told"]["features"]) > 50 and printed["split"] == "all"


def test_a_part_of_other_can_be_named(two_kinds, howlkit):
    prepare(["others"], two_kinds / "data", fractions=(0.5, 0.5, 0))
    code, _, err = howlkit(
        "statistics", "walks", "--against", "data", "--split", "validation", "--told", "--length", 5
    )
    assert code == 1 and "the real music has 1" in err and "20 or more are needed" in err
    out = howlkit("statistics", "walks", "--against", "data", "--split", "validation", "--json")[1]
    assert 8 < json.loads(out)["against"]["pieces"] < 13


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--told"], "--told needs --against"),
        (["--split", "test"], "--split needs --against"),
        (["--against", "others", "--length", 5], "--length is for --told"),
        (["--against", "others/100.mid", "--split", "test"], "is a file, and has no parts"),
        (["--against", "others", "--told", "--length", 0], "--length"),
    ],
)
def test_options_that_need_others_say_so(two_kinds, howlkit, arguments, words):
    code, out, err = howlkit("statistics", "walks", *arguments)
    assert (code, out) == (2, "") and words in err

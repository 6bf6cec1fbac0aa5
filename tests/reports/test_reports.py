"""Reports: what is compared with what, the table, the curves, and what a page says."""

import re

import numpy as np
import pytest

import howlkit
from howlkit.errors import ArgumentError, DataError
from howlkit.evaluation.statistics import Spread
from howlkit.music import midi
from howlkit.reports.comparison import NATS, Comparison, Row, compare
from howlkit.reports.curves import curves
from howlkit.reports.music_to_show import Making, NamedPiece, new_pieces, pieces_in
from howlkit.reports.report import report_of, report_on_run
from howlkit.reports.report_page import report_page
from howlkit.reports.settings import settings
from howlkit.reports.statistics_table import statistics_table
from howlkit.training.progress import Progress
from tests.conftest import tune, walk, write

SMALL = {"lstm.hidden": 16, "heads.width": 16, "training.batch": 2, "training.window": 32}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    pieces = [walk(seed, 160) for seed in range(12)]
    return howlkit.prepare(pieces, out=folder / "data", validation=0.3, quiet=True)


@pytest.fixture(scope="module")
def trained(data):
    run = data.path.parent / "run"
    return howlkit.train(data, steps=4, options=SMALL, out_dir=run, quiet=True)


def progress(step, nats, validation=None):
    return Progress(
        step, 0, 0.5, 1.0, nats, 1.0, 0.1, validation, validation, validation is not None
    )


def test_a_piece_is_compared_with_beginnings_as_long_as_itself(trained, data):
    piece = walk(50, 40)
    found = compare([piece], trained, data, seed=0)
    rows = {row.name: row for row in found.rows}
    assert found.training == len(data.part("train"))
    assert found.validation == len(data.part("validation"))
    assert rows["note_count"].reference.high < 1.3 * len(piece)  # whole pieces have four times that
    assert rows[NATS].values[0] == pytest.approx(trained.nats(piece))
    beginnings = [p.excerpt(seconds=(0, piece.seconds_long)) for p in data.part("validation")]
    nats = np.median([trained.nats(p) for p in beginnings])
    assert rows[NATS].reference.median == pytest.approx(nats)


def test_without_a_run_there_are_numbers_of_the_pieces_alone():
    found = compare([tune(1), tune(2)], None, None, seed=0)
    assert found.training == found.validation == 0
    assert all(row.reference is None and len(row.values) == 2 for row in found.rows)
    assert "drum_in_pattern_rate" not in {row.name for row in found.rows}  # there are no drums


def test_what_lies_outside_is_marked_by_a_sign_and_a_word():
    row = Row("polyphony_rate", Spread(9, 1.0, 2.0, 3.0), (0.5, 2.0, None, 3.5))
    table = statistics_table(Comparison((row,), 30.0, 9), ["a", "b<i>", "c", "d"])
    assert re.findall(r'aria-label="(\w+) the range', table) == ["below", "above"]
    assert "polyphony rate" in table and "b&lt;i&gt;" in table and "<td>–</td>" in table
    assert table.count('class="dot"') == 3


def test_many_pieces_share_a_column():
    row = Row("note_count", None, tuple(map(float, range(9))))
    table = statistics_table(Comparison((row,), 30.0), [f"p{n}" for n in range(9)])
    assert "median of 9" in table and "p3" not in table and "<td>4</td>" in table


def test_curves_show_the_best_validation_and_say_it():
    log = [
        progress(10, 4.0),
        progress(20, 3.0, 3.2),
        progress(30, 2.5, 2.9),
        progress(40, 2.0, 3.4),
    ]
    drawn = curves(log, baseline=4.1)
    assert "The best validation is 2.900, at step 30." in drawn and "unigram" in drawn
    assert drawn.count("<circle") == 1
    assert curves([], baseline=None) == curves([progress(1, 2.0)], baseline=4.0) == ""
    assert "nan" not in curves([progress(1, 2.0), progress(2, 2.0)], baseline=None)


def test_a_report_on_a_run_has_its_pieces_music_curves_and_settings(trained):
    told = []
    made = report_on_run(trained, Making(2, 4.0, 3, 0.9), title="", tell=told.append)
    assert [each.name for each in made.pieces] == ["Piece 1", "Piece 2"] and told == []
    again = trained.sample(2, seconds=4, seed=3, temperature=0.9)
    assert [each.piece for each in made.pieces] == again
    page = report_page(made)
    assert (
        "Beside the training music" in page
        and "-n 2 --seconds 4 --seed 3 --temperature 0.9" in page
    )
    facts = dict(settings(trained))
    assert facts["model"].startswith("lstm: hidden=16") and "12 pieces" in facts["music"]
    assert {"budget", "heads", "training", "versions", "size"} <= set(facts)
    assert report_page(made) == page


def test_when_the_training_music_is_gone_a_line_says_so(trained, tmp_path):
    told = []
    model = howlkit.load(trained.path / "model")
    made = report_of(new_pieces(model, Making(1, 2.0)), model, title="x", tell=told.append)
    assert made.comparison.training == 0 and NATS in {row.name for row in made.comparison.rows}
    assert len(told) == 1 and told[0].startswith("Without the training music to compare with")
    page = report_page(made)
    assert "Beside the training music" not in page and "Statistics" in page


def test_folders_files_and_datasets_give_pieces(tmp_path, data):
    for number in range(5):
        write(tune(number), tmp_path / "in" / f"{number}.mid")
    names = [each.name for each in pieces_in([tmp_path / "in"], most=9, seed=0, tell=print)]
    assert names == [f"{n}.mid" for n in range(5)]
    some = pieces_in([tmp_path / "in"], most=3, seed=1, tell=print)
    assert len(some) == 3 and [each.name for each in some] == sorted(each.name for each in some)
    drawn = pieces_in([data.path, tmp_path / "in" / "0.mid"], most=2, seed=0, tell=print)
    assert [each.name for each in drawn] == [data.part("validation")[0].name, "0.mid"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty has no files of music, and is no run"):
        pieces_in([tmp_path / "empty"], most=2, seed=0, tell=print)


def test_a_piece_without_notes_or_too_many_are_errors():
    with pytest.raises(DataError, match="a has no notes"):
        report_of([NamedPiece("a", howlkit.Piece())], title="", tell=print)
    with pytest.raises(DataError, match="1 to 64 pieces, and these are 65"):
        report_of([NamedPiece("a", tune())] * 65, title="", tell=print)


def test_in_python_pieces_files_and_models_are_reported(trained, tmp_path):
    write(tune(3), tmp_path / "three.mid")
    out = howlkit.report([tune(), tmp_path / "three.mid"], tmp_path / "a.html", model=trained)
    text = out.read_text(encoding="utf-8")
    assert "tune 0" in text and "three.mid" in text and "nats a note" in text
    out = howlkit.report(trained, tmp_path / "b.html", pieces=1, seconds=2, title="Mine <b>")
    assert "<title>Mine &lt;b&gt;</title>" in out.read_text(encoding="utf-8")
    with pytest.raises(ArgumentError, match="a report is a page: FILE.html"):
        howlkit.report(tune(), tmp_path / "c.txt")
    with pytest.raises(ArgumentError, match="no argument 'titel'. Did you mean 'title'"):
        howlkit.report(tune(), tmp_path / "c.html", titel="x")
    with pytest.raises(ArgumentError, match="model is for pieces"):
        howlkit.report(trained.path, tmp_path / "c.html", model=trained)


# The command --------------------------------------------------------------------------------------


def test_the_command_reports_on_a_run_and_says_how_to_make_the_pieces(howlkit, trained, tmp_path):
    out = tmp_path / "report.html"
    arguments = "report", trained.path, "--pieces", 2, "--seconds", 3, "--seed", 5, "--out", out
    code, stdout, err = howlkit(*arguments)
    assert (code, stdout) == (0, "") and f"{out}  2 pieces, " in err
    assert f"howlkit sample {trained.path} -n 2 --seconds 3 --seed 5" in err
    assert f"Open it in a browser: {out.resolve().as_uri()}" in err
    first = out.read_bytes()
    assert howlkit(*arguments)[0] == 1 and out.read_bytes() == first  # it is not replaced
    assert howlkit(*arguments, "--force")[0] == 0 and out.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a.mid"], 2, "--out names the page to write"),
        (["a.mid", "--out", "a.txt"], 1, "is no name of a page"),
        (["gone.mid", "--out", "a.html"], 1, "gone.mid"),
        (["--blind", "a.mid", "--out", "a.html"], 2, "--blind compares two, A and B; got 1"),
        (["--blind", "--answers", "a.mid"], 2, "--blind writes a test, and --answers reads one"),
        (["a.mid", "--pairs", "3", "--out", "a.html"], 2, "--pairs is for --blind"),
        (["a.mid", "--json", "--out", "a.html"], 2, "--json is for --answers"),
        (["--blind", "a.mid", "a.mid", "--title", "x", "--out", "a.html"], 2, "--title is for"),
        (["--answers", "a.mid"], 1, "a.mid is no file of answers"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_a_line(howlkit, tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    midi.write(tune(), tmp_path / "a.mid")
    got, _, err = howlkit("report", *arguments)
    assert got == code and said in err
    assert not (tmp_path / "a.html").exists()


def test_a_run_stands_alone(howlkit, trained, tmp_path):
    midi.write(tune(), tmp_path / "a.mid")
    code, _, err = howlkit("report", trained.path, tmp_path / "a.mid", "--out", tmp_path / "a.html")
    assert code == 2 and "to compare pieces with a run: --model RUN" in err

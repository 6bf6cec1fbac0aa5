"""`howlkit plot`: pieces, takes, bars, a run's curves, and notes by what they cost a model."""

import json
import xml.etree.ElementTree as ET

import pytest

from howlkit.music.plot.colours import MARKED, RAMP
from howlkit.sampling.trained import Trained
from howlkit.training import curves
from howlkit.training.progress import Metrics, Progress
from tests.commands.test_sample import folder, trained  # noqa: F401 - fixtures
from tests.conftest import tune, write


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        write(tune(number, bars=8), tmp_path / f"{number}.mid")
    return tmp_path


def said(path):
    """The texts in an SVG."""
    return [text.text for text in ET.fromstring(path.read_text()).iter() if text.tag[-4:] == "text"]


def test_takes_are_drawn_side_by_side_with_the_bars_that_differ_marked(here, howlkit):
    code, out, err = howlkit(
        "plot", "0.mid", "1.mid", "2.mid", "--mark", "3-4", "--bars", "2-6", "--out", "t.svg"
    )
    assert code == 0 and out == "" and err.startswith("t.svg  135 notes")
    assert [text for text in said(here / "t.svg") if text and text.endswith(".mid")] == [
        "0.mid",
        "1.mid",
        "2.mid",
    ]
    assert MARKED[0] in (here / "t.svg").read_text()


@pytest.mark.parametrize("bars", ["0", "4-2", "x", "1-2-3"])
def test_bars_that_are_none_are_wrong_usage(here, howlkit, bars):
    for option in ("--bars", "--mark"):
        code, _, err = howlkit("plot", "0.mid", option, bars, "--out", "t.svg")
        assert code == 2 and "are no bars" in err and not (here / "t.svg").exists()


def test_bars_without_notes_are_an_error(here, howlkit):
    code, _, err = howlkit("plot", "0.mid", "--bars", "90-95", "--out", "t.svg")
    assert code == 1 and "begins in bars 90 to 95" in err and not (here / "t.svg").exists()


def test_notes_are_coloured_by_what_they_cost_and_evaluate_gives_the_numbers(
    here,
    folder,  # noqa: F811
    howlkit,
):
    arguments = ["--model", folder, "--bars", "1-4", "--out", "nats.svg"]
    code, _, err = howlkit("plot", "0.mid", *arguments)
    assert code == 0, err
    svg = (here / "nats.svg").read_text()
    assert "nats a note" in said(here / "nats.svg") and any(fill in svg for fill in RAMP)
    code, out, err = howlkit("evaluate", folder, "0.mid", "--notes", "--json")
    report = json.loads(out)
    nats = Trained.from_pretrained(folder, stepping=None).nats(here / "0.mid", notes=True)
    assert code == 0 and [note["nats"] for note in report["notes"]] == nats.tolist()
    assert report["nats_per_note"] == pytest.approx(nats.mean())
    assert [note["pitch"] for note in report["notes"]] == tune(0, bars=8).notes["pitch"].tolist()
    assert report["notes"][2]["beat"] == pytest.approx(0.5)
    table = howlkit("evaluate", folder, "0.mid", "--notes")[1].splitlines()
    assert len(table) == len(nats) + 3 and table[-1].startswith(f"{len(nats)} notes, ")
    assert howlkit("evaluate", folder, "--notes")[0] == 2
    assert howlkit("plot", "0.mid", "1.mid", "--model", folder, "--out", "x.svg")[0] == 2


def test_a_run_is_drawn_as_its_curves(here, howlkit):
    (here / "run").mkdir()
    metrics = Metrics(here / "run/metrics.jsonl")
    for step in range(10, 110, 10):
        fields = {"pitch": 3 - step / 100, "shift": float("nan")} if step % 50 == 0 else None
        judged = {"validation": 4 - step / 100, "best": 3.0} if fields else {}
        metrics.add(
            Progress(step, 0, step / 100, step, 5 - step / 50, 1.0, 0.1, validated=bool(fields),
                     fields=fields, **judged)
        )  # fmt: skip
    code, _, err = howlkit("plot", "run", "--out", "run.svg")
    assert code == 0 and err.startswith("run.svg  100 steps")
    texts = said(here / "run.svg")
    assert {
        "training",
        "validation",
        "pitch",
        "100 steps  ·  1.7 minutes  ·  best validation 3.000",
    } <= {*texts}
    assert "shift" not in texts  # it has no number
    assert (here / "run.svg").read_text().count("<polyline") == 3
    assert howlkit("plot", "run", "0.mid", "--out", "x.svg")[0] == 2
    assert "metrics.jsonl" in howlkit("plot", here, "--out", "x.svg")[2]


def test_a_run_that_has_logged_one_line_is_drawn(here):
    drawing = curves.draw([Progress(10, 0, 0.1, 1.0, 5.0, 1.0, 0.1)], title="a run")
    assert drawing.to_svg().count("<circle") == 0 and drawing.to_png()
    assert curves.draw([Progress(0, 0, 0, 0, float("nan"), 0, 0)], title="").to_svg()

"""The table that says how silly sampled music is, on tiny runs."""

from pathlib import Path

import numpy as np
import pytest

import howlkit as door
from howlkit.music import Piece, midi
from tests.conftest import tune

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import habits

    return habits


def test_figures_are_those_of_all_pieces(benchmark):
    tune = np.tile([60, 64, 67, 72, 67, 64, 62, 59], 7)
    looping = Piece.of([(480 * n, 480, int(pitch)) for n, pitch in enumerate(tune)])
    struck = Piece.of([(0, 960, 60), (480, 480, 60), (960, 480, 62, 80, 33), (0, 1440, 40)])
    found = {name: figure([looping, struck]) for name, figure in benchmark.FIGURES.items()}
    assert found == {
        "struck again while sounding, % of notes": pytest.approx(100 / 60),
        "notes at once, median": 1.5,
        "held to the end, % of notes": pytest.approx(100 * (0 + 1 / 3) / 2),
        "programs a piece": 1.5,
        "loops, % of pieces": 50.0,
    }


def test_the_table_has_every_figure_of_every_run(benchmark, tmp_path, capsys):
    (tmp_path / "music").mkdir()
    for seed in range(9):
        midi.write(tune(seed, 6), tmp_path / "music" / f"{seed}.mid")
    small = {"lstm.hidden": 16, "training.batch": 2, "training.window": 32}
    for name in ("tuple", "event"):
        door.train(
            tmp_path / "music",
            encoder=name,
            steps=2,
            options=small,
            out_dir=tmp_path / "runs" / name,
            quiet=True,
        )
    words = [tmp_path / "music", "--encoders", "tuple,event", "--runs", tmp_path / "runs"]
    benchmark.main([*map(str, words), "--samples", "3", "--notes", "20"])
    text = capsys.readouterr().out
    assert "3 pieces, and 3 samples of 20 notes" in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(("| t", "| e"))]
    assert [row[0] for row in rows[1:]] == ["| tuple"] * 5 + ["| event"] * 5
    assert all(len(row) == 6 for row in rows[1:])

"""examples/first.ipynb: its cells run from top to bottom, and show what they should."""

import ast
import json
from pathlib import Path

import pytest

import howlkit
from howlkit.music import midi, provenance
from howlkit.sampling.trained import Trained

NOTEBOOK = Path(__file__).parents[2] / "examples/first.ipynb"


def cells():
    said = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert said["nbformat"] == 4
    return [cell for cell in said["cells"] if cell["cell_type"] == "code"]


def last_value(source, names):
    """Run a cell as a notebook does; return the value of its last line, None if it has none."""
    *before, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        before, last = [*before, last], None
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    return (
        None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    )


def test_the_notebook_is_stored_without_results():
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells())


@pytest.mark.slow
def test_its_cells_run_and_show_pieces_and_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    shown = [last_value("".join(cell["source"]), names) for cell in cells()]
    pieces = [each for each in shown if isinstance(each, howlkit.Piece)]
    assert len(pieces) == 4 and all(len(piece) for piece in pieces)
    html = pieces[0]._repr_html_()
    assert "<svg" in html and "<audio" in html
    shipped, mine = (each._repr_html_() for each in shown if isinstance(each, Trained))
    assert "voices" in shipped and "polyline" not in shipped  # it came without its log
    assert ">training<" in mine and ">validation<" in mine and "tuple" in mine
    assert "nats a note for Bach" in capsys.readouterr().out
    record = provenance.read(midi.read(tmp_path / "first.mid", extras=True))
    assert record["model"]["name"] == "chorales"

"""What the docs show is what runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from howlkit.music import midi
from tests.training.test_trainer import trainer

ROOT = Path(__file__).parents[2]


def test_the_sampler_of_the_docs_has_at_most_30_lines():
    assert len((ROOT / "docs/examples/breathing.py").read_text().splitlines()) <= 30


def test_the_sampler_of_the_docs_makes_music(tmp_path):
    made = trainer(tmp_path / "run", steps=100)
    made.train()
    script = ROOT / "docs/examples/breathing.py"
    out = tmp_path / "new.mid"
    subprocess.run([sys.executable, str(script), str(made.run), str(out)], check=True)
    piece = midi.read(out)
    assert len(piece) > 20 and piece.beats_long >= 60
    assert np.isin(piece.notes["pitch"] % 12, [0, 2, 4, 5, 7, 9, 11]).mean() > 0.9

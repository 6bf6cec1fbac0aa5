"""What the docs show is what runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from howlkit import midi
from tests.conftest import tune
from tests.test_training import trainer

ROOT = Path(__file__).parents[1]
SMALL = ["-o", "lstm.hidden=24", "-o", "training.batch=4", "-o", "training.validate_every=10"]


def test_the_code_in_the_page_on_sampling_is_the_example():
    page = (ROOT / "docs/sampling.md").read_text()
    source = (ROOT / "docs/examples/breathing.py").read_text()
    shown = re.findall(r"<!-- from breathing.py -->\n```python\n(.*?)```", page, re.DOTALL)
    assert len(shown) == 2
    assert all(block in source for block in shown)


def test_the_sampler_of_the_docs_makes_music(tmp_path):
    made = trainer(tmp_path / "run", steps=100)
    made.train()
    script = ROOT / "docs/examples/breathing.py"
    out = tmp_path / "new.mid"
    subprocess.run([sys.executable, str(script), str(made.run), str(out)], check=True)
    piece = midi.read(out)
    assert len(piece) > 20 and piece.beats_long >= 60
    assert np.isin(piece.notes["pitch"] % 12, [0, 2, 4, 5, 7, 9, 11]).mean() > 0.9


@pytest.fixture
def installed_plugin(tmp_path):
    """The example package, copied out of the repo and installed by pip into a folder of its own."""
    source, site = tmp_path / "howlkit-intervals", tmp_path / "site"
    shutil.copytree(ROOT / "docs/examples/howlkit-intervals", source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run([*command, str(source)], check=True)
    return site


def test_an_encoder_from_an_installed_package_trains_and_makes_music(installed_plugin, tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(12):
        midi.write(tune(seed), music / f"tune-{seed}.mid")
    environment = dict(os.environ, PYTHONPATH=str(installed_plugin), OMP_NUM_THREADS="1")

    def howlkit(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "howlkit", *arguments],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )

    listed = howlkit("plugins", "list").stdout
    assert re.search(r"intervals +encoder +howlkit-intervals +0\.1 +ok", listed)
    for model in ("lstm", "gru"):
        small = [text.replace("lstm", model) for text in SMALL]
        howlkit(
            "train", "music", "--encoder", "intervals", "--model", model, "--steps", "60", *small
        )
        howlkit("sample", "--notes", "50", "--out", f"{model}.mid")
        piece = midi.read(tmp_path / f"{model}.mid")
        assert len(piece) == 50 and len(np.unique(piece.notes["pitch"])) > 3
    # Without the package, the run says which one it needs.
    environment["PYTHONPATH"] = ""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        howlkit("sample")
    assert failed.value.returncode == 1
    assert "pip install 'howlkit-intervals==0.1'" in failed.value.stderr

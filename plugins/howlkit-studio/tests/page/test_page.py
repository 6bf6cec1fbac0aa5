"""The page of the studio in a browser; SHOTS=FOLDER keeps pictures of it."""

import os
from pathlib import Path

import pytest
from howlkit_studio.models import Model

from howlkit import Piece
from howlkit.music import midi

browser = pytest.importorskip("tests.pages.browser", reason="start pytest in howlkit's own folder")

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing())

HERE = Path(__file__).parent


@pytest.fixture
def large(tmp_path):
    """A MIDI file of ten thousand notes."""
    path = tmp_path / "large.mid"
    rows = [(120 * k, 110, 40 + (k * 7) % 48, 40 + k % 80, 0, 0) for k in range(10_000)]
    path.write_bytes(midi.to_bytes(Piece.of(rows)))
    return path


def test_the_page_works_in_a_browser(run, model, tune, large, tmp_path):
    studio = run(model, tune)
    first = run(Model(None, usual=True), folder=tmp_path / "first")
    done = browser.node(
        *("--test", "--test-reporter=spec", HERE / "page.test.mjs"),
        **{"STUDIO": studio.link, "FIRST": first.link, "LARGE": str(large)},
        **{"SHOTS": os.environ.get("SHOTS", "")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)


def test_the_types_of_the_page_hold():
    done = browser.node("node_modules/typescript/bin/tsc", "-p", HERE / "tsconfig.json")
    assert done.returncode == 0, done.stdout

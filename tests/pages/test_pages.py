"""Pages in a browser: what they show, how they are used, and how they sound.

pages.test.mjs uses the pages that are written here; SHOTS=FOLDER keeps pictures of them.
"""

import json
import os

import numpy as np
import pytest

from howlkit.music import Piece, sound
from howlkit.music.page import PageSound, Playing, play_page
from howlkit.music.page.script_bundle import bundle
from howlkit.reports.comparison import compare
from howlkit.reports.listening.answers import keys_for, read_sheets
from howlkit.reports.listening.key import key_path
from howlkit.reports.listening.listening_page import listening_page
from howlkit.reports.listening.pairs import draw_pairs
from howlkit.reports.music_to_show import NamedPiece
from howlkit.reports.report import Report, RunFacts
from howlkit.reports.report_page import report_page
from howlkit.training.progress import Progress
from tests.conftest import tune, walk
from tests.pages import browser

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing())

RATE = 44100
HOSTILE = '<img src=x onerror="stolen=1"></script><b>\u202eevil\x1b[31m\n\u2066\' & {x}'


def band(seed):
    """Eight bars of piano, violin, bass and drums."""
    rows = [(240 * i, 220, 60 + (7 * i + seed) % 14, 50 + i % 60, 0, 0) for i in range(64)]
    rows += [(960 * i, 900, 76 + (5 * i + seed) % 7, 80, 40, 1) for i in range(16)]
    rows += [(480 * i, 460, 36 + (3 * i + seed) % 8, 90, 32, 2) for i in range(32)]
    rows += [(240 * i, 100, (36, 42, 38, 42)[i % 4], 90, 128, 3) for i in range(64)]
    return Piece.of(rows, name=f"band {seed}")


def log():
    """A training of forty steps."""
    return [
        Progress(
            10 * i, 0, i / 40, 1.0 * i, 4 - i / 20, 100.0, 0.1, 4 - i / 25 if i % 5 == 0 else None,
            None, i % 5 == 0,
        )
        for i in range(1, 41)
    ]  # fmt: skip


def run_page():
    """The page of a run that made four pieces."""
    pieces = [NamedPiece(f"Piece {seed + 1}", band(seed)) for seed in range(4)]
    compared = compare([each.piece for each in pieces], None, None, seed=0)
    facts = RunFacts("tuple-lstm-1", [("encoder", "tuple: grid=12"), ("model", "lstm")], log(), 4.1)
    return report_page(Report("tuple-lstm-1", pieces, compared, facts))


def hostile_page():
    """A page on which everything that others have written is hostile."""
    pieces = [NamedPiece(HOSTILE, band(1).replace(name=HOSTILE)), NamedPiece("x" * 500, tune())]
    compared = compare([each.piece for each in pieces], None, None, seed=0)
    facts = RunFacts(HOSTILE, [(HOSTILE, HOSTILE)], log(), None, HOSTILE)
    return report_page(Report(HOSTILE, pieces, compared, facts))


@pytest.fixture
def pages(tmp_path):
    """A folder with the pages that pages.test.mjs uses."""
    short = Piece.of([(0, 480, 60), (480, 1440, 67)])
    test, key = listening_page(
        draw_pairs(
            [NamedPiece(f"secret {n}", walk(n, 12)) for n in range(2)],
            [NamedPiece(f"hidden secret {n}", band(n)) for n in range(2)],
            count=2, seconds=3, seed=1, repeats=1,
        ),
        a="secret", b="other secret", seed=1, question="Which <one> is better?",
    )  # fmt: skip
    written = {
        "run.html": run_page(),
        "hostile.html": hostile_page(),
        "play.html": play_page(band(0), title="band"),
        "rendered.html": play_page(
            short, title="rendered", playing=Playing(render=sound.render, rate=8000)
        ),
        "test.html": test,
        "test.key.json": key.to_json(),
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_pages_work_in_a_browser(pages):
    shots = os.environ.get("SHOTS", "")
    done = browser.node(
        "--test", "--test-reporter=spec", "pages.test.mjs", PAGES=str(pages), SHOTS=shots
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (sheet,) = read_sheets([pages / "answers.json"], keys_for([], [key_path(pages / "test.html")]))
    assert [each.first_chosen for each in sheet.answers] == [True, False, True]
    assert sheet.name == "Anna <b>" and sheet.comment == "</script><b>loud"


def test_the_types_of_the_scripts_hold():
    done = browser.node("node_modules/typescript/bin/tsc", "-p", "tsconfig.json")
    assert done.returncode == 0, done.stdout


def test_a_page_sounds_as_the_renderer_does(tmp_path):
    piece = band(0)
    page_sound = PageSound()
    data = {"pieces": [page_sound.of(piece)], "recordings": page_sound.recordings()}
    blocks = "".join(
        f'<script type="application/json" id="{name}">{json.dumps(value)}</script>'
        for name, value in data.items()
    )
    script = f'<script type="module">{bundle(browser.HERE / "rendering.js")}</script>'
    files = tmp_path / "left", tmp_path / "right"
    (tmp_path / "page.html").write_text(blocks + script, encoding="utf-8")
    done = browser.node("rendering.mjs", tmp_path / "page.html", *files)
    assert done.returncode == 0, done.stderr
    ours = np.stack([np.fromfile(file, np.float32) for file in files], axis=1)
    theirs = np.concatenate(list(sound.render(piece, RATE)))
    lag = delay(ours.sum(axis=1), theirs.sum(axis=1))
    assert abs(lag / RATE - 0.25) < 0.01  # before the limiter is warm, and what it looks ahead
    ours = ours[lag : lag + len(theirs)]
    theirs = theirs[: len(ours)]
    for side in (0, 1):
        assert abs(decibels(ours[:, side]) - decibels(theirs[:, side])) < 0.5
    assert decibels(ours - theirs) < decibels(theirs) - 12
    assert np.abs(ours).max() <= 1


def delay(one, other):
    """By how many samples `one` is later than `other`."""
    size = 2 ** (len(one) + len(other)).bit_length()
    products = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)))
    return int(products.argmax())


def decibels(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))

"""Music made for the tests, and what several of them need."""

import numpy as np
import pytest
import torch
from hypothesis import settings

from howlkit.cli import main
from howlkit.music import midi
from howlkit.music.piece import DRUMS, NOTE, TEMPO, Piece
from tests.environment import Environment

# `make test` draws the same examples every time, so that it fails for a change and not by chance;
# `make explore` draws others.
settings.register_profile("same", derandomize=True)
settings.register_profile("other", max_examples=1000, print_blob=True)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch, tmp_path):
    """Keep tests off the user's cache and settings, and two threads from fighting over one core."""
    monkeypatch.setenv("HOWLKIT_CACHE", str(tmp_path / "cache"))
    for name in ("HOWLKIT_LOAD_PLUGINS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """An environment of its own, in which howlkit and plugins are really installed."""
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture
def howlkit(capsys):
    """Run a command in this process; returns its exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return stop.value.code, *capsys.readouterr()

    return run


def random_piece(seed, notes=60, *, drums=True, ticks_per_beat=480, longest_gap=700):
    """A piece of random notes, chords, programs and tempi: everything but music."""
    rng = np.random.default_rng(seed)
    table = np.zeros(notes, NOTE)
    gaps = rng.integers(0, longest_gap, notes) * (rng.random(notes) < 0.6)
    table["start"] = np.cumsum(gaps)
    table["duration"] = rng.integers(1, 2000, notes)
    table["pitch"] = rng.integers(0, 128, notes)
    table["velocity"] = rng.integers(1, 128, notes)
    table["program"] = rng.choice([0, 40, DRUMS] if drums else [0, 40], notes)
    tempos = np.array([(0, 500_000), (5000, 430_000), (9000, 651_234)], TEMPO)
    return Piece(table, ticks_per_beat=ticks_per_beat, tempos=tempos, name=f"random {seed}")


def tune(seed=0, bars=16):
    """A piece with something to learn: a phrase of its own, over and over, over a held bass."""
    rng = np.random.default_rng(seed)
    root = 60
    scale = rng.choice([0, 2, 4, 5, 7, 9, 11, 12], 14).tolist()
    notes = []
    for bar in range(bars):
        notes.append((bar * 1920, 1920, root - 24 + scale[bar % 7], 60))
        for eighth in range(8):
            degree = scale[(bar * 8 + eighth) % len(scale)]
            notes.append((bar * 1920 + eighth * 240, 220, root + degree, 90 + eighth))
    return Piece.of(notes, name=f"tune {seed}")


def walk(seed, notes=400):
    """A melody with chords below: a random walk, so that no two seeds are alike."""
    rng = np.random.default_rng(seed)
    pitch = 72 + np.cumsum(rng.integers(-4, 5, notes)) % 24
    rows = [(i * 240, 200, int(p)) for i, p in enumerate(pitch)]
    rows += [
        (i * 240, 900, int(p) - 12 - d) for i, p in enumerate(pitch) if i % 4 == 0 for d in (0, 4)
    ]
    return Piece.of(rows, name=f"walk {seed}")


def sung(encoder, piece):
    """What an encoder `voices` says of each slice: a list of pitches, -1 for silence."""
    steps = encoder.encode(piece)[1:-1]
    columns = [steps[f"sound{k + 1}"].astype(int) for k in range(encoder.voices)]
    return [
        [value + encoder.low - 1 if value else -1 for value in row]
        for row in np.stack(columns, axis=1).tolist()
    ]


@pytest.fixture
def save(tmp_path):
    def save(data, name="x.mid"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return save


def write(piece, path):
    """Write a piece to a MIDI file, making its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(midi.to_bytes(piece))


@pytest.fixture
def music(tmp_path):
    """A folder of twelve different pieces in two folders."""
    folder = tmp_path / "music"
    for number in range(12):
        write(walk(number, 120), folder / f"{number % 2}" / f"{number:02d}.mid")
    return folder

"""The music that checks use: small, reproducible, and as odd as real files are."""

from __future__ import annotations

import numpy as np

from howlkit.music.piece import DRUMS, MAX_TICK, NOTE, PEDAL, TEMPO, TIME_SIGNATURE, Piece

__all__ = [
    "chord",
    "drum_beat",
    "late_note",
    "metres",
    "performance",
    "pieces",
    "prompt",
    "scatter",
    "tune",
]


def scatter(seed: int, notes: int = 120) -> Piece:
    """Return random notes and chords of any length, velocity and program."""
    rng = np.random.default_rng(seed)
    table = np.zeros(notes, NOTE)
    gaps = rng.choice([0, 1, 3, 37, 120, 240, 480, 700], notes) * (rng.random(notes) < 0.6)
    gaps[notes // 2] = 9000  # a long rest
    table["start"] = np.cumsum(gaps)
    table["duration"] = rng.integers(1, 2000, notes)
    table["pitch"] = rng.integers(0, 128, notes)
    table["velocity"] = rng.integers(1, 128, notes)
    table["program"] = rng.choice([0, 40, DRUMS], notes)
    tempos = np.array([(0, 500_000), (5000, 430_000), (9000, 651_234)], TEMPO)
    return Piece(table, tempos=tempos, name=f"scatter({seed})")


def tune(seed: int = 0, bars: int = 8) -> Piece:
    """Return a phrase in eighths over a held bass, repeated, which a model can learn."""
    rng = np.random.default_rng(seed)
    scale = rng.choice([0, 2, 4, 5, 7, 9, 11, 12], 14).tolist()
    notes = []
    for bar in range(bars):
        notes.append((bar * 1920, 1920, 36 + scale[bar % 7], 60))
        for eighth in range(8):
            degree = scale[(bar * 8 + eighth) % len(scale)]
            notes.append((bar * 1920 + eighth * 240, 220, 60 + degree, 90 + eighth))
    return Piece.of(notes, name=f"tune({seed})")


def performance(seed: int, notes: int = 120) -> Piece:
    """Return a piano on no grid, with rolled chords, repeated keys, overlaps and pedal."""
    rng = np.random.default_rng(seed)
    table = np.zeros(notes, NOTE)
    table["start"] = np.cumsum(rng.choice([2, 5, 90, 333, 517], notes)) + 7
    table["duration"] = rng.choice([1, 11, 60, 400, 5000], notes)
    table["pitch"] = 60 + rng.integers(0, 4, notes)  # few keys, so that they overlap
    table["velocity"] = rng.integers(20, 110, notes)
    pedals = np.array([(900, 1500, 0), (4000, 700, 0)], PEDAL)
    tempos = np.array([(0, 480_123), (3001, 700_000)], TEMPO)
    return Piece(table, 384, tempos=tempos, pedals=pedals, name=f"performance({seed})")


def metres(seed: int, notes: int = 120) -> Piece:
    """Return music in 3/4, 6/8 and 4/4, with an upbeat bar and a change within a bar."""
    rng = np.random.default_rng(seed)
    table = np.zeros(notes, NOTE)
    table["start"] = np.cumsum(rng.choice([0, 24, 48, 96, 144], notes))
    table["duration"] = rng.choice([24, 48, 96, 192], notes)
    table["pitch"] = rng.integers(40, 90, notes)
    table["velocity"] = rng.choice([50, 80, 100], notes)
    table["program"] = rng.choice([0, 32], notes)
    changes = [(0, 1, 4), (96, 3, 4), (1248, 6, 8), (3000, 4, 4)]
    tempos = np.array([(0, 500_000), (1248, 400_000)], TEMPO)
    signatures = np.array(changes, TIME_SIGNATURE)
    return Piece(table, 96, tempos=tempos, time_signatures=signatures, name=f"metres({seed})")


def drum_beat(bars: int = 4) -> Piece:
    """Return drums alone."""
    hits = [(e * 240, 60, (36, 42, 38, 42)[e % 4], 90, DRUMS) for e in range(8 * bars)]
    return Piece.of(hits, name="drum_beat()")


def chord(notes: int = 300) -> Piece:
    """Return `notes` notes that begin at one tick, most pitches more than once."""
    rows = [(480, 10 + 7 * i, i % 128, 1 + i % 127, i // 128) for i in range(notes)]
    return Piece.of(rows, name=f"chord({notes})")


def late_note(tick: int = MAX_TICK - 1) -> Piece:
    """Return one note of one tick, so late that the piece is almost all silence."""
    return Piece.of([(tick, 1, 60)], name=f"late_note({tick})")


def prompt(seed: int) -> Piece:
    """Return a random prompt: long rests, drums (often at the end), tempi and metres that change.

    Two of four are cut from a longer piece, one of these in the middle of it.
    """
    rng = np.random.default_rng([seed, 15])
    notes = int(rng.integers(6, 25))
    per_beat = int(rng.choice([5, 24, 96, 100, 480, 1001]))
    gaps = rng.choice(
        [0, 0.26, 0.5, 1, 1.7, 6, 21, 70], notes, p=[0.3, *[0.14] * 4, *[0.14 / 3] * 3]
    )
    table = np.zeros(notes, NOTE)
    table["start"] = np.rint(np.cumsum(gaps) * per_beat)
    table["duration"] = rng.choice([1, 2, 4, 11], notes) * per_beat // 2
    table["pitch"] = rng.integers(48, 84, notes)
    table["velocity"] = rng.integers(20, 120, notes)
    table["program"] = np.where(rng.random(notes) < 0.2, DRUMS, rng.choice([0, 40], notes))
    table["program"][notes - int(rng.choice([0, 0, 1, 5])) :] = DRUMS
    table["program"][0] = 0
    changes = np.sort(rng.choice(int(table["start"][-1]) + per_beat, 2, replace=False))
    tempos = np.array([(tick, rng.integers(250_000, 900_000)) for tick in changes], TEMPO)
    metres = np.array([(0, 3, 4), (12 * per_beat, 7, 8)][: seed % 3], TIME_SIGNATURE)
    piece = Piece(table, per_beat, tempos=tempos, time_signatures=metres, name=f"prompt({seed})")
    if seed % 4 > 1:
        first = 0 if seed % 4 == 2 else 2
        piece = piece.excerpt(first, notes - 1).replace(has_end=False)
    return piece


def pieces() -> list[Piece]:
    """Return one piece of each ordinary kind."""
    return [scatter(1), performance(2), metres(3), tune(4), drum_beat()]

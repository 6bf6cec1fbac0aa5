"""Takes, transpositions and variants of a piece end up in one group; other music does not."""

import multiprocessing
import os
from typing import NamedTuple

import numpy as np
import pytest

from howlkit.dataset import similarity
from howlkit.dataset.duplicates import group
from howlkit.dataset.sketches import BINS, WINDOW, sketch
from howlkit.dataset.workers import WorkerPool
from howlkit.music.piece import DRUMS, Piece
from tests.conftest import random_piece, walk


def take(piece, seed, *, wrong=0.02):
    """The piece played by a person: another tempo, chords rolled in any order, some wrong notes."""
    rng = np.random.default_rng(seed)
    notes = piece.notes.copy()
    pace = np.cumsum(rng.uniform(0.7, 1.5, len(notes))) / np.arange(1, len(notes) + 1)
    start = notes["start"] * pace * 1.3 + rng.normal(0, 12, len(notes))
    notes["start"] = np.maximum(start, 0)
    notes["velocity"] = rng.integers(30, 110, len(notes))
    off = rng.random(len(notes)) < wrong
    notes["pitch"][off] += 1
    return piece.replace(notes=notes[rng.random(len(notes)) > wrong])


def transposed(piece, semitones):
    notes = piece.notes.copy()
    notes["pitch"] += np.uint8(semitones)
    return piece.replace(notes=notes)


def groups(*pieces):
    return group(np.stack([sketch(piece) for piece in pieces], axis=1)).tolist()


def test_takes_of_one_piece_are_one_group():
    first, second = walk(1), walk(2)
    pieces = [take(piece, seed) for seed in range(4) for piece in (first, second)]
    assert groups(*pieces, first, second) == [0, 1] * 5


def test_transposing_leaves_the_sketch_as_it_is():
    piece = walk(3)
    assert np.array_equal(sketch(piece), sketch(transposed(piece, 5)))
    assert groups(piece, walk(4), transposed(take(piece, 0), 7)) == [0, 1, 0]


def test_tempo_and_resolution_leave_the_sketch_as_it_is():
    piece = walk(5)
    notes = piece.notes.copy()
    notes["start"] *= 3
    assert np.array_equal(sketch(piece), sketch(piece.replace(notes=notes, ticks_per_beat=96)))


def test_a_piece_and_the_piece_without_its_repeat_are_one_group():
    piece = walk(6)
    again = piece.notes.copy()
    again["start"] += piece.end
    assert groups(piece, piece.replace(notes=np.concatenate((piece.notes, again)))) == [0, 0]


def test_unrelated_pieces_stay_apart():
    pieces = [walk(seed, 30 if seed % 2 else 300) for seed in range(300)]
    assert groups(*pieces) == list(range(300))


def test_a_phrase_that_everyone_uses_joins_nobody():
    steps = np.random.default_rng(99).integers(0, 20, 80)
    phrase = Piece.of([(10**6 + i * 240, 200, 60 + int(step)) for i, step in enumerate(steps)])
    tunes = [walk(seed, 100) for seed in range(300)]
    pieces = [t.replace(notes=np.concatenate((t.notes, phrase.notes))) for t in tunes]
    assert groups(*pieces[:2]) == [0, 0]  # two that share it are alike ...
    assert groups(*pieces) == list(range(300))  # ... three hundred have it from a common stock


def test_drums_do_not_count():
    piece = walk(7)
    beat = Piece.of([(i * 120, 60, 36 + i % 3, 90, DRUMS) for i in range(1600)])
    both = piece.replace(notes=np.concatenate((piece.notes, beat.notes)))
    assert np.array_equal(sketch(piece), sketch(both))


def test_pieces_of_nothing_but_drums_are_told_by_their_beat():
    def beat(steps):
        return Piece.of([(i * 120, 60, 36 + i % steps, 90, DRUMS) for i in range(1600)])

    assert groups(beat(3), beat(4), beat(3)) == [0, 1, 0]


def test_pieces_without_notes_stay_alone():
    assert sketch(Piece()).shape == (BINS,)
    assert groups(Piece(), Piece()) == [0, 1]


@pytest.mark.parametrize("notes", [1, 2, WINDOW - 1, WINDOW])
def test_the_shortest_pieces_are_one_group_in_any_key(notes):
    for seed in range(40):
        pitches = np.random.default_rng(seed).permutation(40)[:notes] + 40
        short = Piece.of([(480 + i * 240, 200, int(p)) for i, p in enumerate(pitches)])
        louder = short.at_resolution(96).replace(name="louder").notes.copy()
        louder["velocity"] = 99
        other = short.notes.copy()
        other["start"][-1] += 7
        pieces = [short, transposed(short, 5), Piece(louder, ticks_per_beat=96)]
        pieces.append(Piece(np.concatenate((other, other[-1:]))[: notes + 1]))
        assert groups(*pieces) == [0, 0, 0, 3 if notes > 1 else 0]


@pytest.mark.parametrize("variants", [1200, 3000])
def test_thousands_of_variants_of_a_piece_are_one_group(variants):
    piece, other = walk(1, 150), walk(2, 150)
    takes = [sketch(transposed(take(piece, seed), seed % 5)) for seed in range(variants)]
    others = [sketch(walk(seed)) for seed in range(3, 40)]
    labels = group(np.stack([*takes, sketch(other), *others], axis=1))
    assert np.bincount(labels[:variants]).max() > 0.98 * variants
    assert labels[variants:].tolist() == list(range(variants, variants + 38))


def test_short_pieces_that_are_the_same_are_one_group():
    short = walk(8, WINDOW)
    assert groups(walk(9, WINDOW), short, transposed(short, 2)) == [0, 1, 1]


def test_no_sketches_are_no_groups():
    assert group(np.zeros((BINS, 0), np.uint32)).shape == (0,)


def test_a_sketch_never_changes():
    # Datasets keep sketches: another hash would silently stop matching what is stored.
    assert sketch(random_piece(0))[:4].tolist() == [14786597, 4123277, 0, 0]


def test_many_takes_are_found_among_many_pieces():
    # As takes agree in real music: in a tenth of the bins.
    rng = np.random.default_rng(0)
    sketches = rng.integers(1, 2**20, (4000, BINS), dtype=np.uint32)
    agree = rng.random((2000, BINS)) < 0.12
    sketches[2000:] = np.where(agree, sketches[:2000], sketches[2000:])
    labels = group(sketches.T)
    assert (labels[2000:] == np.arange(2000)).mean() > 0.97
    assert (labels[:2000] == np.arange(2000)).all()


def styled(pieces, rng):
    """Sketches of families in styles: pieces share a phrase, more in a style, most in a family."""
    sketches = rng.integers(1, 2**20, (BINS, pieces), dtype=np.uint32)
    for sharers, share in ((1, 0.2), (8, 0.25), (pieces // 6, 0.3)):
        common = rng.integers(1, 2**20, (BINS, sharers), dtype=np.uint32)
        theirs = common[:, rng.integers(0, sharers, pieces)]
        sketches = np.where(rng.random(sketches.shape) < share, theirs, sketches)
    return np.where(rng.random(sketches.shape) < 0.05, 0, sketches).astype(np.uint32)


def grouped_in_full(sketches):
    """The groups, and after how many rounds, with everything looked for and compared in each."""
    pieces = sketches.shape[1]
    labels, limits = np.arange(pieces), similarity.thresholds(sketches)
    for rounds in range(8):
        weights = np.zeros(sketches.shape, np.float16)
        for bin_, column in enumerate(sketches):
            for value in np.unique(column[column > 0]):
                having = column == value
                shared = len(np.unique(labels[having]))
                rarity = 1 - np.log(max(shared - 1, 1)) / np.log(max(pieces, 2000))
                weights[bin_, having] = max(rarity, 0.25) if shared > 1 else 0
        joined = labels.copy()
        for first, second in [(i, (i + n) % BINS) for n in (1, 85) for i in range(BINS)]:
            buckets = {}
            for piece in np.flatnonzero((weights[first] > 0) & (weights[second] > 0)):
                key = sketches[first, piece], sketches[second, piece]
                buckets.setdefault(key, []).append(piece)
            for bucket in buckets.values():
                for at, one in enumerate(bucket):
                    for other in bucket[at + 1 : at + 5]:
                        same = sketches[:, one] == sketches[:, other]
                        filled = (sketches[:, one] > 0) | (sketches[:, other] > 0)
                        similar = weights[same, one].sum(dtype=float) / filled.sum()
                        if similar >= max(limits[one], limits[other]):
                            low, high = sorted((joined[one], joined[other]))
                            joined[joined == high] = low
        if (joined == labels).all():
            return labels, rounds
        labels = joined
    return labels, 8


@pytest.mark.parametrize("workers", [1, 3])
def test_groups_are_those_of_looking_at_everything_in_every_round(workers, monkeypatch):
    monkeypatch.setattr(similarity, "_PIECES_A_PROCESS", 1)
    sketches = styled(180, np.random.default_rng(0))
    expected, rounds = grouped_in_full(sketches)
    assert rounds >= 3 and 1 < len(np.unique(expected)) < 180
    with WorkerPool(workers) as pool:
        assert (group(sketches, pool=pool) == expected).all()


class Deadly(NamedTuple):
    """Sketches that end every process but the first that looks at them."""

    sketches: np.ndarray

    @property
    def shape(self):
        return self.sketches.shape

    def __getitem__(self, bin_):
        if multiprocessing.parent_process() is not None:
            os._exit(1)
        return self.sketches[bin_]


def test_what_processes_die_of_is_grouped_in_this_one(monkeypatch, tmp_path):
    monkeypatch.setattr(similarity, "_PIECES_A_PROCESS", 1)
    sketches = styled(180, np.random.default_rng(0))
    with WorkerPool(2) as pool:
        labels = group(Deadly(sketches), folder=tmp_path, pool=pool)
        assert pool.started == 2
    assert (labels == group(sketches)).all()
    assert list(tmp_path.iterdir()) == []

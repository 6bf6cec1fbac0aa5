"""Copies of training music are found in any key and tempo, and music that shares nothing is not."""

import numpy as np
import pytest

from howlkit.dataset import Dataset, prepare
from howlkit.evaluation.copying import stored, training_music
from howlkit.evaluation.copying.auditing import audit
from howlkit.evaluation.copying.index import TrainingIndex
from howlkit.evaluation.copying.note_lines import CHORD_MS, NoteLines
from howlkit.evaluation.copying.passages import LEAST, find
from howlkit.evaluation.copying.yardstick import SHARE, Yardstick, covered
from howlkit.music.bars import bar_of_tick, tick_of_bar
from howlkit.music.piece import DRUMS, TIME_SIGNATURE, Piece
from tests.conftest import random_piece, walk, write

TRAINING = [walk(seed, 300) for seed in range(6)]


@pytest.fixture(scope="module")
def index():
    return TrainingIndex.of(TRAINING)


def copied(piece, first, notes, *, semitones=0, stretch=1.0, added=0, left_out=(), seed=0):
    """A passage of a piece after other music, in another key and tempo, with other notes added."""
    rng = np.random.default_rng(seed)
    part = piece.notes[first : first + notes]
    part = np.delete(part, left_out)
    start = np.round((part["start"] - part["start"][0]) * stretch).astype(int) + 9600
    rows = [(int(s), 100, int(p) + semitones) for s, p in zip(start, part["pitch"], strict=True)]
    rows += [(s, 100, int(rng.integers(30, 50))) for s in range(0, 9600, 240)]
    where = rng.integers(9600, start.max(), added)
    rows += [(int(s) // 120 * 120, 100, int(rng.integers(85, 110))) for s in where]
    return Piece.of(rows, name="copy")


def longest(piece, index):
    found = find(NoteLines.of([piece]), index)
    return int(found.shared.max(initial=0))


@pytest.mark.parametrize("notes", [16, 32])
@pytest.mark.parametrize("semitones, stretch", [(0, 1.0), (5, 0.5), (-3, 1.4)])
def test_a_copy_is_found_in_another_key_and_tempo_with_notes_added(
    index, notes, semitones, stretch
):
    for first in (0, 77, 140):
        piece = copied(
            TRAINING[2], first, notes, semitones=semitones, stretch=stretch, added=notes // 4
        )
        found = find(NoteLines.of([piece]), index)
        best = found.take(np.array([found.shared.argmax()]))
        assert best.shared[0] >= 0.75 * notes
        assert best.transposed[0] == semitones
        assert best.stretch[0] == pytest.approx(stretch, rel=0.03)
        assert index.lines.line_of(best.their_first)[0] == 2


def test_a_copy_that_leaves_notes_out_is_found_whole(index):
    piece = copied(TRAINING[4], 40, 40, left_out=[12, 27])
    assert longest(piece, index) >= 34


def test_music_that_shares_nothing_has_no_passages(index):
    others = [random_piece(seed, 300) for seed in range(4)]
    assert len(find(NoteLines.of(others), index)) == 0
    assert longest(Piece(), index) == 0
    assert longest(Piece.of([(0, 480, 60)]), index) == 0


def test_a_figure_that_repeats_counts_once():
    drone = Piece.of([(i * 120, 100, 60 + i % 2) for i in range(200)])
    found = find(NoteLines.of([drone]), TrainingIndex.of([drone]))
    assert found.shared.max() == 200 and found.length.max() == 7


def test_lines_have_chords_by_pitch_without_drums_and_doubles():
    tick = round(CHORD_MS / 1000 * 960)
    rows = [(0, 9, 64), (tick, 9, 60), (tick, 9, 36, 80, DRUMS), (0, 9, 60, 80, 40), (3000, 9, 50)]
    lines = NoteLines.of([Piece(), Piece.of(rows)])
    assert lines.pitch.tolist() == [60, 64, 50] and lines.counts.tolist() == [0, 3]
    assert lines.time.tolist() == [0, 0, 3125]
    assert lines.line(1).begins.tolist() == [0, 3]


def test_the_same_pieces_give_the_same_passages_alone_and_among_others(index):
    pieces = [copied(TRAINING[k], 30 * k, 24, seed=k) for k in range(4)]
    together = find(NoteLines.of(pieces), index)
    counts = np.bincount(NoteLines.of(pieces).line_of(together.first), minlength=4)
    assert counts.tolist() == [len(find(NoteLines.of([piece]), index)) for piece in pieces]


def test_an_excerpt_is_judged_by_held_out_excerpts_as_long():
    yardstick = Yardstick(
        counts=np.array([100, 40]),
        line=np.array([0, 0, 1]),
        first=np.array([10, 45, 0]),
        last=np.array([29, 64, 9]),
        length=np.array([20, 20, 10]),
    )
    whole = yardstick.standard(100)
    assert (whole.excerpts, whole.limit, whole.median) == (2, 20, 15)
    half = yardstick.standard(50)  # 0..49 and 50..99 of the first, and the second: 20, 15, 10
    assert (half.excerpts, half.limit, half.median) == (3, 20, 15)
    assert half.covered == pytest.approx(0.3)
    assert half.flagged <= 1 - SHARE
    assert Yardstick.of([], TrainingIndex.of([])).standard(100) is None
    assert covered(np.array([0]), np.array([3]), 4).all()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twenty pieces, split into parts."""
    folder = tmp_path_factory.mktemp("data")
    for number in range(20):
        write(walk(number, 200), folder / "music" / f"{number:02d}.mid")
    prepare([folder / "music"], folder / "data", fractions=(0.7, 0.2, 0.1))
    return Dataset.open(folder / "data")


def test_an_audit_names_the_piece_and_the_bars_in_both(data):
    music = training_music.searchable(data)
    piece = data.part("train")[3]
    new = copied(piece, 50, 40, semitones=2)
    (found,) = audit([new], music, piece_of=training_music.pieces_of(data))
    (best, *_) = found.passages
    there = int(piece.notes["start"][50]), int(piece.notes["start"][89])
    assert best.piece == piece.name and best.notes >= 38 and best.transposed == 2
    assert best.there.bars == tuple(bar_of_tick(piece, tick) for tick in there)
    assert best.here.bars[0] == 6 and best.here.seconds[0] == pytest.approx(10.0)
    assert found.above and found.longest > found.standard.limit and 0 < found.covered < 1
    gone = next(audit([new], music, piece_of=lambda number: None)).passages[0]
    assert gone.there.bars is None and gone.there.seconds == best.there.seconds


def test_held_out_pieces_are_one_of_each_group_and_no_training_pieces(data):
    held = {piece.name for piece in training_music._held_out(data)}
    assert held == {p.name for part in ("validation", "test") for p in data.part(part)}


def test_what_is_stored_beside_a_run_is_read_back_or_made_anew(data, tmp_path):
    music, path = training_music.searchable(data), tmp_path / stored.FILE
    assert stored.load(path, data.fingerprint) is None
    stored.save(path, music)
    again = stored.load(path, data.fingerprint)
    assert again.index.names == music.index.names
    assert again.yardstick.standard(80) == music.yardstick.standard(80)
    new = copied(data.part("train")[0], 20, 30)
    assert longest(new, again.index) == longest(new, music.index) >= 28
    assert stored.load(path, "of another dataset") is None
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(whole)
        broken[int(rng.integers(min(len(broken), 2000)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken[: int(rng.integers(1, len(broken) + 1))])
        stored.load(path, data.fingerprint)  # None or something: no error but for bugs


@pytest.mark.parametrize("tick", [0, 1919, 1920, 3000, 4320, 9000, 12345])
def test_the_bar_of_a_tick_undoes_the_tick_of_a_bar(tick):
    metres = np.array([(0, 4, 4), (3000, 3, 4), (9000, 6, 8)], TIME_SIGNATURE)
    piece = Piece(time_signatures=metres)
    bar = bar_of_tick(piece, tick)
    assert tick_of_bar(piece, bar) <= tick < tick_of_bar(piece, bar + 1)


def test_passages_have_at_least_so_many_notes(index):
    assert longest(copied(TRAINING[1], 60, LEAST - 2), index) == 0

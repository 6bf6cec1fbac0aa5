from itertools import islice

import numpy as np
import pytest

from howlkit.builtin.augmenters import Transpose
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.errors import DataError
from howlkit.music.piece import DRUMS, Piece
from howlkit.network.batches import cut, side_by_side
from howlkit.training.windows import Position, Windows, _sizes
from tests.conftest import random_piece, tune

PIECES = [random_piece(seed, notes) for seed, notes in enumerate([5, 40, 333, 64, 200, 1, 90])]


def windows(**options):
    counts = np.array([len(piece) for piece in PIECES])
    options = {"notes": 16, "carry": 4, "rows": 3, "seed": 1} | options
    return Windows(PIECES.__getitem__, counts, Tuple(), **options)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_an_epoch_holds_every_note_exactly_once(epoch):
    tiles = windows().tiles(epoch)
    covered = [np.zeros(len(piece), int) for piece in PIECES]
    for piece, first, stop in tiles:
        assert stop - first <= 16 * 4
        covered[piece][first:stop] += 1
    assert all((row == 1).all() for row in covered)
    assert sum(len(batch) for batch in windows().batches(epoch)) == len(tiles)


def test_tiles_begin_elsewhere_every_epoch_but_short_pieces_stay_whole():
    first, second = windows().tiles(0), windows().tiles(1)
    assert not np.array_equal(first, second)
    for tiles in (first, second):
        assert [tuple(t) for t in tiles[tiles[:, 0] == 3]] == [(3, 0, 64)]


def test_a_position_leads_to_the_same_batches_however_one_gets_there():
    def take(position, count):
        stream = windows().segments(position)
        return [next(stream) for _ in range(count)]

    straight = take(Position(), 12)
    later = take(straight[6].after, 5)
    for one, other in zip(straight[7:], later, strict=True):
        assert one.after == other.after
        for a, b in zip(one.batches, other.batches, strict=True):
            assert np.array_equal(a.targets["pitch"], b.targets["pitch"])


@pytest.mark.parametrize("ranks", [2, 4])
def test_processes_deal_out_the_rows_of_the_same_segments(ranks):
    """Each has its rows of every window, or one of padding, and knows the sizes of all."""
    whole = windows(rows=5)
    sizes = [_sizes(whole.encoded(plan)) for plan in islice(whole.plans(Position()), 40)]

    def stream(rank):
        of_all = iter(sizes)
        made = windows(rows=5, rank=rank, ranks=ranks)
        return islice(made.segments(Position(), exchange=lambda own, total: next(of_all)), 40)

    streams = zip(*map(stream, range(ranks)), strict=True)
    for segment, shares in zip(islice(whole.segments(Position()), 40), streams, strict=True):
        for rank, share in enumerate(shares):
            assert (share.scale, share.rows, share.after) == (
                segment.scale,
                segment.rows,
                segment.after,
            )
            assert np.array_equal(share.predictions, segment.predictions)
            for ours, theirs in zip(share.batches, segment.batches, strict=True):
                assert ours.inputs["pitch"].shape[1] == theirs.inputs["pitch"].shape[1]
                if rank >= segment.rows:
                    assert ours.lengths.tolist() == [0]
                    continue
                assert np.array_equal(ours.lengths, theirs.lengths[rank::ranks])
                assert np.array_equal(ours.inputs["pitch"], theirs.inputs["pitch"][rank::ranks])
                assert np.array_equal(share.elapsed, segment.elapsed[rank::ranks])


def test_every_note_is_a_target_once_in_an_epoch():
    count, stream = 0, windows().segments(Position())
    for segment in stream:
        count += sum(int(((b.targets["mark"] == 0) & _counts(b)).sum()) for b in segment.batches)
        if segment.after.epoch:
            break
    assert count == sum(len(piece) for piece in PIECES)


DRUMMING = Piece.of([(120 * i, 60, 36, 90, DRUMS, 1) for i in range(200)])


def test_tiles_of_drums_alone_are_passed_over_where_drums_are_left_out():
    song = tune(bars=8)
    mixed = song.replace(notes=np.concatenate((song.notes, DRUMMING.notes)))
    pieces = [DRUMMING, mixed, DRUMMING]
    counts = np.array([len(piece) for piece in pieces])
    plan = Windows(pieces.__getitem__, counts, Tuple(programs=False), notes=16, carry=2, rows=1)
    targets, stream = 0, plan.segments(Position())
    for segment in stream:
        assert segment.batches and segment.notes_per_step > 0
        assert all((batch.lengths > 0).any() for batch in segment.batches)
        targets += sum(int(batch.lengths.sum()) for batch in segment.batches)
        if segment.after.epoch:
            break
    assert targets >= len(song) - 8


def test_music_in_which_the_encoder_finds_nothing_is_an_error_not_an_endless_search():
    encoder, counts = Tuple(programs=False), np.array([len(DRUMMING)])
    plan = Windows([DRUMMING].__getitem__, counts, encoder, notes=16, carry=2)
    with pytest.raises(DataError, match="finds no notes"):
        next(plan.segments(Position()))


def _counts(batch):
    return np.arange(batch.targets["mark"].shape[1]) < batch.lengths[:, None]


def test_a_stretch_is_split_into_windows_that_follow_each_other():
    segment = next(windows(rows=8).segments(Position()))
    for before, after in zip(segment.batches, segment.batches[1:], strict=False):
        both = (before.lengths == before.targets["pitch"].shape[1]) & (after.lengths > 0)
        assert np.array_equal(before.targets["pitch"][both, -1], after.inputs["pitch"][both, 0])
    assert len(segment.batches) <= 4


def test_augmentation_is_drawn_anew_every_epoch_and_the_same_every_time():
    def pitches(epoch):
        plan = Windows(lambda i: tune(), np.array([len(tune())]), Tuple(), [Transpose()])
        return np.sort(plan._encode(epoch, 0, 0, 100)["pitch"])

    assert np.array_equal(pitches(0), pitches(0))
    assert any(not np.array_equal(pitches(0), pitches(epoch)) for epoch in range(1, 4))


def test_cut_pairs_each_step_with_the_next():
    encoder = Tuple()
    columns, lengths = side_by_side(encoder.schema, [encoder.encode(PIECES[1])])
    batches = list(cut(columns, lengths - 1, 10))
    assert [int(b.lengths[0]) for b in batches] == [10, 10, 10, 10, 1]
    inputs = np.concatenate([b.inputs["mark"][0] for b in batches])
    targets = np.concatenate([b.targets["mark"][0] for b in batches])
    assert inputs.tolist() == [2] + [0] * 40 and targets.tolist() == [0] * 40 + [1]


def test_empty_pieces_have_no_tiles():
    plan = Windows(lambda i: Piece(), np.array([0]), Tuple())
    assert len(plan.tiles(0)) == 0

import numpy as np
import pytest

from howlkit.builtin.encoders.shared import slices
from howlkit.builtin.encoders.shared.slices import Metre, mark_sounding, newest_pitches
from howlkit.music.piece import Piece
from howlkit.music.tables import TIME_SIGNATURE


@pytest.mark.parametrize("most", [0, slices.MOST_MARKED])
@pytest.mark.parametrize("longest", [1, 3, 100])
def test_cells_are_marked_where_any_of_many_sounds(monkeypatch, longest, most):
    monkeypatch.setattr(slices, "MOST_MARKED", most)
    rng = np.random.default_rng(longest)
    notes, keys, length = 60, 5, 100
    first = np.sort(rng.integers(0, length, notes))
    lengths = np.minimum(rng.integers(1, longest, notes, endpoint=True), length - first)
    key = rng.integers(0, keys, notes)
    expected = np.zeros((length, keys), np.uint8)
    for k in range(notes):
        expected[first[k] : first[k] + lengths[k], key[k]] = 1
    cells = np.zeros(length * keys, np.uint8)
    mark_sounding(cells, first * keys + key, lengths, step=keys)
    assert (cells.reshape(length, keys) == expected).all()


@pytest.mark.parametrize("ticks_per_beat", [7, 480])
@pytest.mark.parametrize(
    "signatures",
    [[], [(0, 3, 4)], [(0, 7, 16)], [(0, 255, 1)], [(960, 3, 8)], [(0, 3, 8), (960, 4, 4)]],
)
def test_positions_between_two_slices_are_those_of_each(signatures, ticks_per_beat):
    table = np.array(signatures, TIME_SIGNATURE)
    piece = Piece(time_signatures=table, ticks_per_beat=ticks_per_beat)
    for grid in (1, 3, 4):
        metre = Metre.of(piece, grid, longest_bar=8)
        for first, stop in ((0, 0), (0, 1), (0, 200), (3, 70), (61, 5000)):
            expected = metre.position(np.arange(first, stop))
            assert metre.between(first, stop).tolist() == expected.tolist()


@pytest.mark.parametrize("notes", [0, 1, 60, 400])
@pytest.mark.parametrize("longest", [1, 3, 100])
def test_of_the_pitches_of_a_voice_the_one_begun_last_sounds(longest, notes):
    rng = np.random.default_rng(longest)
    voices, length = 3, 100
    begins = np.sort(rng.integers(-20, length, notes))
    ends = np.maximum(begins, 0) + rng.integers(1, longest, notes, endpoint=True)
    ends = np.minimum(ends, length)
    voice, pitch = rng.integers(0, voices, notes), rng.integers(1, 128, notes).astype(np.uint8)
    expected, struck = np.zeros((voices, length), np.uint8), np.zeros((voices, length), bool)
    for k in sorted(range(notes), key=lambda k: (begins[k], pitch[k])):
        expected[voice[k], max(begins[k], 0) : ends[k]] = pitch[k]
        struck[voice[k], begins[k]] |= begins[k] >= 0
    found = newest_pitches(pitch, voice, begins, ends, (voices, length))
    assert (found[0] == expected).all() and (found[1] == struck).all()

"""What a run learns about its music."""

import numpy as np
import pytest

from howlkit.dataset import Dataset, prepare
from howlkit.music import TIME_SIGNATURE, Piece, midi
from howlkit.training.facts import common_time_signature


@pytest.fixture
def dataset(tmp_path):
    """Prepare pieces, each of ten bars of four beats, with the given time signatures."""

    def make(*metres):
        for index, rows in enumerate(metres):
            notes = [(480 * beat, 480, 40 + 2 * index + beat % (index + 2)) for beat in range(40)]
            signatures = np.array(rows, TIME_SIGNATURE)
            piece = Piece.of(notes).replace(time_signatures=signatures)
            midi.write(piece, tmp_path / f"{index}.mid")
        prepare([tmp_path], tmp_path / "data")
        return Dataset(tmp_path / "data")

    return make


@pytest.mark.parametrize(
    ("metres", "common"),
    [
        ([[(0, 3, 4)]] * 3, (3, 4)),
        ([[(0, 3, 4)], [(0, 3, 4)], [(0, 4, 4)]], None),
        ([[(0, 6, 8), (480 * 38, 4, 4)]] * 2, (6, 8)),  # 38 of 40 beats
        ([[(0, 6, 8), (480 * 30, 4, 4)]] * 2, None),
        ([[(480 * 38, 2, 4)]] * 2, None),  # two beats at the end
        ([[]] * 2, None),
        ([[(0, 2, 4), (480 * 400, 3, 4)]] * 2, (2, 4)),  # after the last note
    ],
)
def test_a_time_signature_is_common_if_nine_tenths_of_the_beats_have_it(dataset, metres, common):
    data = dataset(*metres)
    assert common_time_signature(data, np.arange(len(metres))) == common

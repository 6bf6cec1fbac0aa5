import numpy as np
import pytest

from howlkit.builtin.augmenters import Stretch, Transpose, Velocity
from howlkit.errors import OptionError
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, KEY_SIGNATURE
from tests.conftest import random_piece, tune


def shifts(augmenter, piece, draws=200):
    rng = np.random.default_rng(0)
    before = piece.notes["pitch"].astype(int)
    return [augmenter(piece, rng).notes["pitch"].astype(int) - before for _ in range(draws)]


def test_transpose_moves_all_by_one_interval_and_covers_its_range():
    moved = shifts(Transpose(low=-3, high=2), tune())
    assert all(len(set(row.tolist())) == 1 for row in moved)
    assert {row[0] for row in moved} == {-3, -2, -1, 0, 1, 2}


def test_transpose_leaves_drums():
    piece = Piece.of([(0, 10, 36, 80, DRUMS), (0, 10, 60)])
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = Transpose()(piece, rng)
        assert moved.notes["pitch"][moved.notes["program"] == DRUMS].tolist() == [36]


def test_transpose_draws_only_what_fits_or_folds_by_octaves():
    piece = Piece.of([(0, 10, 2), (10, 10, 126)])
    limited = {row[0] for row in shifts(Transpose(low=-11, high=11), piece)}
    assert limited == {-2, -1, 0, 1}
    for row in shifts(Transpose(preset="howl"), piece):
        assert len(set((row % 12).tolist())) == 1  # the semitone is kept, the octave may not be


def test_transpose_moves_the_key_signature_along():
    keys = np.array([(0, 0, 0)], KEY_SIGNATURE)
    piece = tune().replace(key_signatures=keys)
    up = Transpose(low=2, high=2)(piece, np.random.default_rng(0))  # C major to D major
    assert up.key_signatures["sharps"].tolist() == [2]
    down = Transpose(low=-1, high=-1)(piece, np.random.default_rng(0))  # to B, named C flat: no
    assert down.key_signatures["sharps"].tolist() == [5]


def test_stretch_scales_seconds_and_leaves_beats():
    piece = random_piece(1)
    slower = Stretch(low=1.5, high=1.5)(piece, np.random.default_rng(0))
    assert slower.seconds_long == pytest.approx(1.5 * piece.seconds_long, rel=1e-5)
    assert np.array_equal(slower.notes, piece.notes)
    plain = Piece(piece.notes)  # no tempo of its own: 120 beats a minute
    assert Stretch(low=2.0, high=2.0)(plain, np.random.default_rng(0)).seconds_long == (
        pytest.approx(2 * plain.seconds_long)
    )


def test_howls_preset_covers_howls_range():
    piece, rng = tune(), np.random.default_rng(0)
    factors = [Stretch(preset="howl")(piece, rng).seconds_long for _ in range(300)]
    factors = np.array(factors) / piece.seconds_long
    assert 0.5 <= factors.min() < 0.53 and 1.97 < factors.max() <= 2.0
    louder = [Velocity(preset="howl")(piece, rng).notes["velocity"].max() for _ in range(100)]
    assert max(louder) <= piece.notes["velocity"].max()


def test_velocity_stays_a_velocity():
    loud = Velocity(low=10.0, high=10.0)(random_piece(1), np.random.default_rng(0))
    assert loud.notes["velocity"].max() == 127
    soft = Velocity(low=0.01, high=0.01)(random_piece(1), np.random.default_rng(0))
    assert soft.notes["velocity"].min() == 1


@pytest.mark.parametrize("augmenter", [Transpose(), Stretch(), Velocity()])
def test_the_same_generator_gives_the_same_piece_and_no_note_is_lost(augmenter):
    piece = random_piece(4)
    first, second = (augmenter(piece, np.random.default_rng(7)) for _ in range(2))
    assert first == second and len(first) == len(piece)
    assert len(augmenter(Piece(), np.random.default_rng(7))) == 0


def test_an_empty_range_is_refused():
    for component in (Transpose, Stretch, Velocity):
        with pytest.raises(OptionError, match="swap them"):
            component(low=3, high=2)


@pytest.mark.parametrize(
    ("component", "own"),
    [
        (Transpose, {"low": -3}),
        (Transpose, {"at_edge": "octave"}),
        (Stretch, {"high": 1.2}),
        (Velocity, {"low": 0.5}),
    ],
)
def test_a_preset_beside_settings_of_ones_own_is_refused(component, own):
    (name,) = own
    with pytest.raises(OptionError, match=rf"{name}=.* and preset=howl contradict"):
        component(**own, preset="howl")
    assert component(**own).preset == "default"


def test_the_key_follows_a_transposition_of_many_octaves():
    piece = Piece.of([(0, 480, 120)]).replace(key_signatures=np.array([(0, 0, 0)], KEY_SIGNATURE))
    down = Transpose(low=-109, high=-109)(piece, np.random.default_rng(0))
    assert down.notes["pitch"].tolist() == [11] and down.key_signatures["sharps"].tolist() == [5]

"""The contract of an augmenter, and what this one does with music."""

from collections.abc import Callable

import numpy as np
import pytest

from howlkit.music import Piece
from howlkit.testing import augmenter_checks

from howlkit.commands.plugin_template.augmenter import Stencil

CHECKS = augmenter_checks(Stencil())


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_beats_stay_and_what_is_between_them_comes_later() -> None:
    eighths = Piece.of([(240 * i, 240, 60 + i) for i in range(8)])
    moved = Stencil()(eighths, np.random.default_rng(0))
    late = moved.notes["start"] - eighths.notes["start"]
    assert not late[::2].any()
    assert len(set(late[1::2])) == 1 and 0 < late[1] <= 0.17 * 480


def test_notes_that_touch_go_on_touching() -> None:
    eighths = Piece.of([(240 * i, 240, 60 + i) for i in range(8)])
    moved = Stencil()(eighths, np.random.default_rng(1))
    assert (moved.ends[:-1] == moved.notes["start"][1:]).all()

"""The contract of an encoder, and what this one does with music."""

from collections.abc import Callable

import pytest

from howlkit.music import DRUMS, Piece
from howlkit.testing import check_encoder, encoder_checks

from howlkit.commands.plugin_template.encoder import Stencil

CHECKS = encoder_checks(Stencil())


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_it_does_with_another_grid_too() -> None:
    check_encoder(Stencil(grid=4))


def test_of_one_pitch_at_one_onset_the_longest_note_is_kept() -> None:
    notes = [(0, 240, 60), (3, 480, 60), (0, 240, 64)]
    back = Stencil().decode(Stencil().encode(Piece.of(notes)))
    assert back.notes[["start", "duration", "pitch"]].tolist() == [(0, 480, 60), (0, 240, 64)]


def test_drums_are_left_out() -> None:
    assert len(Stencil().encode(Piece.of([(0, 60, 36, 80, DRUMS)]))) == 2

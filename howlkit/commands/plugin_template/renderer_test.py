"""The contract of a renderer, and what this one sounds like."""

from collections.abc import Callable

import numpy as np
import pytest

from howlkit.music import Piece
from howlkit.testing import renderer_checks

from howlkit.commands.plugin_template.renderer import Stencil

CHECKS = renderer_checks(Stencil())


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_a_note_sounds_at_its_pitch_from_its_onset_on() -> None:
    piece = Piece.of([(480, 960, 69)], bpm=60)  # A, after one second
    sound = np.concatenate(list(Stencil().render(piece, 8000)))
    assert not sound[:8000].any()
    spectrum = np.abs(np.fft.rfft(sound[8000:16000, 0]))
    assert spectrum.argmax() == 440


def test_a_bright_string_has_louder_partials() -> None:
    dull, bright = (Stencil(brightness=b).plucked(60, 1.0, 8000) for b in (0.1, 0.9))
    partials = [np.abs(np.fft.rfft(tone))[500:].sum() for tone in (dull, bright)]
    assert partials[1] > 2 * partials[0]

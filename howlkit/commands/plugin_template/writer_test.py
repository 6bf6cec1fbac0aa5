"""The contract of a writer, and what this one writes."""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from howlkit.errors import DataError
from howlkit.music import Piece
from howlkit.testing import writer_checks

from howlkit.commands.plugin_template.writer import Stencil

CHECKS = writer_checks(Stencil())


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_a_note_sounds_at_its_pitch_from_its_onset_on(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    Stencil(rate=8000).write(Piece.of([(480, 960, 69)], bpm=60), path)  # A, after one second
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 4 * 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert not samples[:8000].any()
    spectrum = np.abs(np.fft.rfft(samples[8000:16000]))
    assert spectrum.argmax() == 440


def test_music_that_is_too_long_is_refused(tmp_path: Path) -> None:
    minute = Piece.of([(0, 480, 60), (119 * 480, 480, 60)])
    with pytest.raises(DataError, match="lasts 60 seconds, and at most 30 are written"):
        Stencil(longest=30).write(minute, tmp_path / "a.wav")

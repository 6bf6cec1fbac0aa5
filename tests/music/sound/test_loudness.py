"""Loudness after ITU-R BS.1770-4: the levels that the recommendation and EBU Tech 3341 give."""

import numpy as np
import pytest

from howlkit.music.sound.loudness import SILENT, loudness


def sine(rate, *, level=0.0, hertz=1000.0, seconds=4.0, channels=2):
    times = np.arange(round(rate * seconds)) / rate
    wave = 10 ** (level / 20) * np.sin(2 * np.pi * hertz * times)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", [24000, 44100, 48000])
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_stereo_sine_of_a_level_has_that_loudness(rate, level):
    # EBU Tech 3341, cases 1 and 2: 1000 Hz, both channels, within 0.1 LU.
    assert loudness([sine(rate, level=level)], rate) == pytest.approx(level, abs=0.1)


def test_soft_moments_do_not_count():
    # Case 3: -36, -23 and -36 LUFS, for 10, 60 and 10 seconds; here a tenth as long.
    rate = 24000
    parts = [(-36, 1.0), (-23, 6.0), (-36, 1.0)]
    blocks = [sine(rate, level=level, seconds=seconds) for level, seconds in parts]
    assert loudness(blocks, rate) == pytest.approx(-23, abs=0.3)


def test_deep_tones_are_softer_to_ears_and_high_ones_louder():
    deep, high = (loudness([sine(48000, hertz=hertz)], 48000) for hertz in (40.0, 6000.0))
    assert deep < -4 and high > 2


@pytest.mark.parametrize("seconds", [0.0, 0.2, 2.0])
def test_silence_and_what_is_too_short_have_the_least_loudness(seconds):
    silent = np.zeros((round(24000 * seconds), 2), np.float32)
    assert loudness([silent], 24000) == SILENT == loudness([], 24000)

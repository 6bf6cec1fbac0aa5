"""What is heard in samples: pitch, level, onset."""

import numpy as np


def mono(sound):
    return sound.mean(axis=1) if sound.ndim == 2 else sound


def decibels(sound):
    """The level of samples, full scale 0 dB."""
    return 20 * np.log10(np.sqrt((mono(sound).astype(float) ** 2).mean()) + 1e-12)


def cents_off(sound, rate, pitch):
    """How far a sound is from a MIDI pitch: its first four partials, weighted by their power.

    A peak is found within 60 cents of where the partial should be, and its place between the
    frequencies of the transform by the parabola through the logarithms of three of them.
    """
    samples = mono(sound) * np.hanning(len(sound))
    size = 1 << int(np.ceil(np.log2(len(samples)) + 2))
    power = np.abs(np.fft.rfft(samples, size)) ** 2 + 1e-30
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    found, weights = [], []
    for partial in range(1, 5):
        low, high = (int(partial * hertz * 2 ** (c / 1200) * size / rate) for c in (-60, 60))
        if high + 2 >= len(power):
            break
        at = low + int(np.argmax(power[low : high + 1]))
        a, b, c = np.log(power[at - 1 : at + 2])
        exact = at + (a - c) / (2 * (a - 2 * b + c))
        found.append(1200 * np.log2(exact * rate / size / (partial * hertz)))
        weights.append(power[at])
    return float(np.average(found, weights=weights))


def onset(sound, rate, below=40):
    """The seconds at which a sound first comes within so many dB of its highest peak."""
    loud = np.abs(mono(sound))
    return float(np.argmax(loud > loud.max() / 10 ** (below / 20)) / rate)

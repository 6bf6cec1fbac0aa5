"""Statistics of pieces of music, and how far two sets of pieces are apart.

Conventions. A metric is a function of a `Piece`: of all notes that it holds, an excerpt's context
included. A tick is what MusPy calls a time step. What cannot be computed is NaN, and each docstring
says when that is. Two files hold MusPy's fourteen metrics, and give the values that it gives for
the same notes: pitches.py, rhythm.py. MusPy counts a piece as long as its last controller event is
late, we end it with its last note: that alone makes its rates of empty beats, empty bars and
polyphony, and its groove, differ for a file with pedals or fades after the last note. Features
after Yang and Lerch are in features.py, distances in distances.py, all of them by name in table.py.

Papers:

[MusPy] Dong, Chen, McAuley, Berg-Kirkpatrick: MusPy: A Toolkit for Symbolic Music Generation.
    ISMIR 2020. The definitions are those of its code, muspy 0.5.0, metrics/metrics.py.
[MuseGAN] Dong, Hsiao, Yang, Yang: MuseGAN: Multi-track Sequential Generative Adversarial Networks
    for Symbolic Music Generation and Accompaniment. AAAI 2018.
[Pypianoroll] Dong, Hsiao, Yang: Pypianoroll: Open Source Python Package for Handling Multitrack
    Pianorolls. Late-Breaking Demos of ISMIR 2018.
[C-RNN-GAN] Mogren: C-RNN-GAN: Continuous Recurrent Neural Networks with Adversarial Training.
    NeurIPS Workshop on Constructive Machine Learning 2016.
[Jazz Transformer] Wu, Yang: The Jazz Transformer on the Front Line: Exploring the Shortcomings of
    AI-composed Music through Quantitative Measures. ISMIR 2020.
[Yang and Lerch] Yang, Lerch: On the evaluation of generative models in music. Neural Computing and
    Applications 32, 4773-4784, 2020. Their code: github.com/RichardYang40148/mgeval.
"""

from howlkit.evaluation.statistics.distances import Comparison, compare
from howlkit.evaluation.statistics.pitches import (
    n_pitch_classes_used,
    n_pitches_used,
    pitch_class_entropy,
    pitch_entropy,
    pitch_in_scale_rate,
    pitch_range,
    scale_consistency,
)
from howlkit.evaluation.statistics.rhythm import (
    bar_ticks,
    drum_in_pattern_rate,
    drum_pattern_consistency,
    empty_beat_rate,
    empty_measure_rate,
    groove_consistency,
    polyphony,
    polyphony_rate,
)
from howlkit.evaluation.statistics.table import FEATURES, STATISTICS, Spread, spread, tabulate

__all__ = [
    "FEATURES",
    "STATISTICS",
    "Comparison",
    "Spread",
    "bar_ticks",
    "compare",
    "drum_in_pattern_rate",
    "drum_pattern_consistency",
    "empty_beat_rate",
    "empty_measure_rate",
    "groove_consistency",
    "n_pitch_classes_used",
    "n_pitches_used",
    "pitch_class_entropy",
    "pitch_entropy",
    "pitch_in_scale_rate",
    "pitch_range",
    "polyphony",
    "polyphony_rate",
    "scale_consistency",
    "spread",
    "tabulate",
]

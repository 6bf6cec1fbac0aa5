"""Statistics of pieces of music, and how far two sets of pieces are apart.

Conventions. A metric is a function of a `Piece`; it looks at all notes of the piece, the context of
an excerpt included. A tick is what MusPy calls a time step. A metric that cannot be computed is
NaN, and its docstring says when.

pitches.py and rhythm.py hold MusPy's fourteen metrics, with the values that MusPy gives for the
same notes. One thing differs: for MusPy a piece ends with its last controller event, for us with
its last note. So the rates of empty beats, empty bars and polyphony, and the groove, differ for a
file with pedals or fades after the last note. features.py holds the features of Yang and Lerch,
distances.py the distances between sets, and table.py all of them by name.

>>> from howlkit.music.piece import Piece
>>> piece = Piece.of([(0, 480, 60), (480, 480, 64), (480, 480, 67)])
>>> pitch_range(piece), polyphony(piece)
(7, 1.5)

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

from howlkit.evaluation.statistics.distances import SetDistances, set_distances
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
    "SetDistances",
    "Spread",
    "bar_ticks",
    "set_distances",
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

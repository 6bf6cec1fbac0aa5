"""Can made music be told from real music? A classifier two-sample test on excerpts.

`tell_apart` (two_sample.py) does it all: excerpts.py cuts pieces, features.py names what is
measured of an excerpt (texture, pitches, rhythm, harmony, repetition, all on chords.py),
classifier.py trains and asks, and table.py shows the result.
"""

from howlkit.evaluation.told.features import FEATURES, VERSION, Feature, measure
from howlkit.evaluation.told.two_sample import Telling, Told, tell_apart

__all__ = ["FEATURES", "VERSION", "Feature", "Telling", "Told", "measure", "tell_apart"]

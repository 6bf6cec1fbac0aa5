"""A sampler of one's own: temperature that rises and falls like breath, on white keys.

python docs/examples/breathing.py RUN new.mid
"""

import math
import sys

import numpy as np

from howlkit import midi, sampling
from howlkit.shaping import Shaping
from howlkit.trained import Trained


class Breathing:
    name = "breathing"

    def generate(self, session):
        while not session.done.all():
            breath = math.sin(2 * math.pi * float(session.beats.mean()) / 16)  # over four bars
            yield session.step(Shaping(temperature=0.9 + 0.2 * breath), functions=[white_keys])


def white_keys(field, logits, given):
    if field.name == "pitch":
        black = np.isin(np.arange(field.n) % 12, [1, 3, 6, 8, 10])
        logits = np.where(black, -30.0, logits)
    return logits


if __name__ == "__main__":
    run, out = sys.argv[1:]
    session = sampling.begin(Trained.from_pretrained(run), seed=1, limit=sampling.length(beats=64))
    sampling.run(session, Breathing())
    midi.write(sampling.music(session, 0), out)

"""python breathing.py RUN new.mid: temperature that rises and falls like breath, on white keys."""

import math
import sys

import numpy as np

from howlkit import SamplingParams, Trained, sampling
from howlkit.music import midi

BLACK = [1, 3, 6, 8, 10]


class Breathing:
    def generate(self, session):
        while not session.done.all():
            breath = 0.9 + 0.2 * math.sin(2 * math.pi * float(session.beats.mean()) / 16)
            yield session.step(SamplingParams(temperature=breath), functions=[white_keys])


def white_keys(field, logits, given):
    if field.name == "pitch":
        logits = np.where(np.isin(np.arange(field.n) % 12, BLACK), -30.0, logits)
    return logits


if __name__ == "__main__":
    session = sampling.begin(Trained.from_pretrained(sys.argv[1]), limit=sampling.length(beats=64))
    sampling.run(session, Breathing())
    midi.write(sampling.music(session, 0), sys.argv[2])

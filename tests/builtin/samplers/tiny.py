"""An encoder with ten different steps, so that tests can try every piece of a few notes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch

from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.head_options import HeadOptions
from howlkit.music.piece import NOTE, Piece
from howlkit.network.likelihood import Encoded, score
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, START, STEP, Field, Schema


@dataclass(frozen=True)
class Tiny:
    """One note a beat of three pitches, no two alike in a row; loud ones are short or long."""

    name: ClassVar[str] = "tiny"

    @cached_property
    def schema(self):
        return Schema(
            (Field("loud", 2), Field("pitch", 3), Field("long", 2, when=("loud", (1,)))),
        )

    def encode(self, piece):
        notes = piece.notes
        steps = self.schema.steps(len(notes))
        steps["loud"] = notes["velocity"] > 64
        steps["pitch"] = np.clip(notes["pitch"] - 60, 0, 2)
        steps["long"] = (notes["duration"] > piece.ticks_per_beat // 2) & (steps["loud"] > 0)
        return self.schema.frame(steps, end=piece.has_end)

    def decode(self, steps, *, like=None):
        real = steps[steps["mark"] == STEP]
        notes = np.zeros(len(real), NOTE)
        notes["start"] = 480 * np.arange(len(real))
        notes["pitch"] = 60 + real["pitch"]
        notes["velocity"] = 40 + 60 * real["loud"]
        notes["duration"] = 240 + 240 * real["long"]
        return Piece(notes=notes, ticks_per_beat=480)

    def ticks(self, steps, *, like=None):
        return np.maximum(480 * (np.cumsum(steps["mark"] == STEP) - 1), 0)

    def grammar(self, rows, *, like=None):
        return TinyGrammar(np.full(rows, -1), np.zeros(rows, np.int64))


@dataclass
class TinyGrammar:
    """The last pitch and the number of notes of each row."""

    last: np.ndarray
    count: np.ndarray

    @property
    def now(self):
        return np.maximum(self.count - 1, 0).astype(float)

    def allowed(self, field, given):
        mask = np.ones((len(given), field.choices), bool)
        if field.name == "mark":
            mask[:, START] = False
        if field.name == "pitch":
            mask = np.arange(3) != self.last[:, None]
        return mask

    def push(self, step, rows):
        begun = rows & (step["mark"] == STEP)
        self.last = np.where(begun, step["pitch"], self.last)
        self.count = self.count + begun
        return begun.astype(np.int64)

    def select(self, rows):
        return TinyGrammar(self.last[rows].copy(), self.count[rows].copy())


TINY = Tiny()


def tiny_session(*, rows=1, seed=0, weights=3, stepping="plain", **limits):
    """A session of a small network with decided opinions, and the network."""
    torch.manual_seed(weights)
    model = Lstm(hidden=8, layers=1)
    network = model.build(TINY.schema, HeadOptions(embedding=4, width=8)).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=1.0)
    network.embed.table.weight.data[0] = 0
    runner = make_runner(network, TINY.schema, model, stepping=stepping)
    limit = Limit(**({"notes": 3, "ends": False} | limits))
    return Session(runner, TINY, rows=rows, seed=seed, limit=limit), network


def every_continuation(steps, notes, *, ends):
    """Every way to go on from `steps` (T,): to so many notes, and if it may end, to an end."""
    played = steps[steps["mark"] == STEP]
    if len(played) == notes:
        return [steps]
    found = []
    if ends:
        end = TINY.schema.steps(1)
        end["mark"] = END
        found.append(np.concatenate((steps, end)))
    for loud, pitch, long in ((0, p, 0) for p in range(3)):
        found += _with(steps, notes, ends, loud, pitch, long)
    for pitch in range(3):
        for long in range(2):
            found += _with(steps, notes, ends, 1, pitch, long)
    return found


def _with(steps, notes, ends, loud, pitch, long):
    played = steps[steps["mark"] == STEP]
    if len(played) and played["pitch"][-1] == pitch:
        return []
    step = TINY.schema.steps(1)
    step["loud"], step["pitch"], step["long"] = loud, pitch, long
    return every_continuation(np.concatenate((steps, step)), notes, ends=ends)


def nats_of(network, rows):
    """The nats of whole pieces as steps, `mark` among them, as `howlkit evaluate` counts them."""
    encoded = Encoded(TINY.schema, rows, np.ones(len(rows)), np.ones(len(rows)), ("a",))
    return score(network, encoded).nats.sum(axis=1)

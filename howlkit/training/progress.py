"""A run's budget, its state and progress, and the log of that progress, RUN/metrics.jsonl.

Units: nats a note; seconds on the clock, pauses between a stop and a resume left out.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from howlkit.atomic_files import write_whole
from howlkit.training.checkpoint import saving

__all__ = ["Budget", "Meter", "Metrics", "Progress", "TrainerState", "TrainingResult"]


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of steps, or of minutes, or until the first of both.

    >>> budget = Budget(steps=400, minutes=10)
    >>> str(budget), budget.fraction(step=100, seconds=300)
    ('400 steps or 10 minutes', 0.5)
    """

    steps: int | None = None
    minutes: float | None = None

    def __str__(self) -> str:
        """Return the budget in words: "400 steps", "10 minutes", or both."""
        steps = [] if self.steps is None else [f"{self.steps:,} steps"]
        minutes = [] if self.minutes is None else [f"{self.minutes:g} minutes"]
        return " or ".join(steps + minutes) or "no limit"

    def fraction(self, step: int, seconds: float) -> float:
        """Return the fraction of the budget that is used up, 0..1."""
        used = 0.0
        if self.steps is not None:
            used = max(used, step / self.steps if self.steps else 1.0)
        if self.minutes is not None:
            used = max(used, seconds / (60 * self.minutes) if self.minutes else 1.0)
        return min(used, 1.0)


@dataclass(frozen=True)
class Progress:
    """Where a run stands, as the display and metrics.jsonl show it.

    fraction: of the budget. nats_per_note: of training, lately. rate: the learning rate.
    validation, best: nats a note of the last validation and of the best one; None: not yet.
    validated: whether this Progress follows a validation. fields: what each field cost in it, in
    nats a note; None where there was no validation, or a version before logged it.
    """

    step: int
    epoch: int
    fraction: float
    seconds: float
    nats_per_note: float
    notes_per_second: float
    rate: float
    validation: float | None = None
    best: float | None = None
    validated: bool = False
    fields: Mapping[str, float] | None = None


@dataclass
class TrainerState:
    """The state of a run besides tensors, as checkpoints store it.

    epoch, index: the position of the present segment; window: how many of its windows are done.
    validation, best: nats a note. nats, notes: of the training since the last validation.
    patient_from: the step from which patience counts, unless the best step is later.
    """

    step: int = 0
    seconds: float = 0.0
    epoch: int = 0
    index: int = 0
    window: int = 0
    best: float | None = None
    best_step: int = 0
    validation: float | None = None
    nats: float = 0.0
    notes: float = 0.0
    patient_from: int = 0


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended: where it stood, and why it stopped ("budget" or "no progress")."""

    progress: Progress
    reason: str


@dataclass
class Meter:
    """The nats and notes that training has counted since `take` was last called."""

    nats: float = 0.0
    notes: float = 0.0
    since: float = field(default_factory=time.perf_counter)
    last: tuple[float, float] = (math.nan, 0.0)

    def count(self, nats: float, notes: float) -> None:
        """Add the nats and the notes of a window."""
        self.nats += nats
        self.notes += notes

    def take(self) -> tuple[float, float]:
        """Return nats a note and notes a second, and start over; without notes, the last result."""
        now = time.perf_counter()
        if self.notes:
            self.last = self.nats / self.notes, self.notes / max(now - self.since, 1e-9)
        self.nats, self.notes, self.since = 0.0, 0.0, now
        return self.last


@dataclass(frozen=True)
class Metrics:
    """The log of a run, a line of JSON for each Progress; its methods raise CheckpointError."""

    path: Path

    def add(self, progress: Progress) -> None:
        """Append a line."""
        with saving(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(progress)) + "\n")

    def read(self) -> list[Progress]:
        """Return what was logged, without lines, or a file, that cannot be read."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):  # one that was only written in part
                found.append(Progress(**json.loads(line)))
        return found

    def forget_after(self, step: int) -> None:
        """Remove the lines after `step`, which will be logged again, and lines written in part."""
        with saving(self.path):
            lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
            kept = [line for line in lines if 0 <= _step_of(line) <= step]
            write_whole(self.path, "".join(f"{line}\n" for line in kept).encode())


def _step_of(line: str) -> int:
    """Return the step of a line of metrics.jsonl; -1 if the line was only written in part."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return -1

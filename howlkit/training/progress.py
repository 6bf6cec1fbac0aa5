"""How long a run is to last, how it goes, and the log of it, RUN/metrics.jsonl.

Units: nats a note; seconds on the clock, pauses between a stop and a resume left out.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from howlkit.atomic_files import write_whole
from howlkit.training.checkpoint import saving

__all__ = ["Budget", "Meter", "Metrics", "TrainingResult", "Progress"]


@dataclass(frozen=True)
class Budget:
    """How long to train: steps, or minutes, or whichever ends first."""

    steps: int | None = None
    minutes: float | None = None

    def __str__(self) -> str:
        """Say it in words: "400 steps", "10 minutes", or both."""
        steps = [] if self.steps is None else [f"{self.steps:,} steps"]
        minutes = [] if self.minutes is None else [f"{self.minutes:g} minutes"]
        return " or ".join(steps + minutes) or "no limit"

    def fraction(self, step: int, seconds: float) -> float:
        """Return how much of it is used up, 0..1."""
        used = 0.0
        if self.steps is not None:
            used = max(used, step / self.steps if self.steps else 1.0)
        if self.minutes is not None:
            used = max(used, seconds / (60 * self.minutes) if self.minutes else 1.0)
        return min(used, 1.0)


@dataclass(frozen=True)
class Progress:
    """Where a run stands; what the display and metrics.jsonl show."""

    step: int
    epoch: int
    fraction: float
    seconds: float
    nats_per_note: float
    notes_per_second: float
    rate: float
    validation: float | None = None
    best: float | None = None
    validated: bool = False  # just now


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended: where it stood, and why it stopped ("budget" or "no progress")."""

    progress: Progress
    reason: str


@dataclass
class Meter:
    """Nats and notes trained on since it was last read."""

    nats: float = 0.0
    notes: float = 0.0
    since: float = field(default_factory=time.perf_counter)
    last: tuple[float, float] = (math.nan, 0.0)

    def count(self, nats: float, notes: float) -> None:
        """Add what a window cost and how many notes it had."""
        self.nats += nats
        self.notes += notes

    def take(self) -> tuple[float, float]:
        """Return nats a note and notes a second, and begin anew; with nothing new, as before."""
        now = time.perf_counter()
        if self.notes:
            self.last = self.nats / self.notes, self.notes / max(now - self.since, 1e-9)
        self.nats, self.notes, self.since = 0.0, 0.0, now
        return self.last


@dataclass(frozen=True)
class Metrics:
    """The log of a run: a line of JSON for each Progress. Raises CheckpointError, as `saving`."""

    path: Path

    def add(self, progress: Progress) -> None:
        """Write a line."""
        with saving(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(progress)) + "\n")

    def forget_after(self, step: int) -> None:
        """Cut off what was logged after `step`, and a torn line: it will be logged again."""
        with saving(self.path):
            lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
            kept = [line for line in lines if 0 <= _step_of(line) <= step]
            write_whole(self.path, "".join(f"{line}\n" for line in kept).encode())


def _step_of(line: str) -> int:
    """Return the step that a line of metrics.jsonl tells of; -1 if it was torn off."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return -1

"""What one trial costs and how quick it is: measured once, and kept in a file beside the run.

Units: nats; seconds of music; notes a second on the clock, on one thread.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from howlkit.errors import CheckpointError, printable
from howlkit.evaluation.measuring import Measuring
from howlkit.evaluation.trials.training import THREADS
from howlkit.plugins.exemptions import why_at_most
from howlkit.sampling.limits import Limit
from howlkit.sampling.trained import Trained
from howlkit.schema import MARK
from howlkit.training.checkpoint import read_json, saving, write_json
from howlkit.training.progress import Metrics

__all__ = ["Measurement", "measured"]

BLOCKS, BLOCK_NOTES, BLOCK_SECONDS = 5, 100, 0.5
"""How much is sampled to measure speed: blocks of so many notes, or for so long, after a first one
that warms up. Their median counts, as other programs may take the machine for a while."""


@dataclass(frozen=True)
class Measurement:
    """The figures of a trial.

    names, notes, seconds, steps: of each piece; notes are those that the encoder keeps.
    nats: of each piece by field, and of `mark`. baseline: of each piece, by the unigram model.
    no_likelihood: fields that no sum includes. at_most: why the nats are an upper bound, or "".
    losses: what the encoder loses. weights: the number of parameters.
    training_speed, sampling_speed: notes a second; sampling makes one piece.
    training: how training went: steps, epochs, seconds, and whether the best validation was among
    the last two, so that more time would have helped.
    """

    names: list[str]
    notes: list[int]
    seconds: list[float]
    steps: list[int]
    nats: dict[str, list[float]]
    baseline: list[float]
    no_likelihood: list[str]
    at_most: str
    losses: dict[str, float | None]
    weights: int
    training_speed: float | None
    sampling_speed: float | None
    training: dict[str, Any]
    recipe: dict[str, Any]

    @property
    def fields(self) -> list[str]:
        """The fields that the sums include: all but `mark` and those without a likelihood."""
        return [name for name in self.nats if name not in (MARK.name, *self.no_likelihood)]

    @property
    def totals(self) -> list[float]:
        """The nats of each piece over these fields."""
        columns = [self.nats[name] for name in self.fields]
        return (
            [sum(row) for row in zip(*columns, strict=True)] if columns else [0.0] * len(self.notes)
        )


def measured(run: Path, kept: Path, measuring: Measuring, device: str) -> Measurement:
    """Return the figures of a trained run: those in the file `kept`, or else measured now.

    device: as `howlkit train --device`. Raises HowlkitError for a run that cannot be measured.
    """
    if kept.is_file():
        try:
            return Measurement(**read_json(kept))
        except (TypeError, CheckpointError):  # of another version, or damaged
            pass
    found = _measure(run, measuring, device)
    with saving(kept):
        write_json(kept, dataclasses.asdict(found))
    return found


def _measure(run: Path, measuring: Measuring, device: str) -> Measurement:
    trained = Trained.from_pretrained(run, device=device, stepping=None)
    found = measuring.measure(str(run), trained)
    encoded, scores = found.scores.encoded, found.scores
    return Measurement(
        names=list(encoded.names),
        notes=encoded.note_counts.tolist(),
        seconds=encoded.seconds.tolist(),
        steps=encoded.step_counts.tolist(),
        nats={name: scores.of(name).tolist() for name in scores.fields},
        baseline=found.baseline.over(scores.summed).tolist(),
        no_likelihood=[name for name in scores.fields if name in scores.no_likelihood],
        at_most=why_at_most(trained.recipe.encoder),
        losses=dict(found.losses),
        weights=sum(weights.numel() for weights in trained.network.parameters()),
        sampling_speed=_sampling_speed(run, device),
        recipe=trained.recipe.to_json(),
        **_of_training(run),
    )


def _of_training(run: Path) -> Mapping[str, Any]:
    """Return what a run's log says."""
    lines = Metrics(run / "metrics.jsonl").read()
    if not lines:
        raise CheckpointError(f"{printable(run / 'metrics.jsonl')} is missing or damaged")
    speeds = [line.notes_per_second for line in lines if line.notes_per_second > 0]
    curve = [line.validation for line in lines if line.validated and line.validation is not None]
    return {
        "training_speed": statistics.median(speeds) if speeds else None,
        "training": {
            "steps": lines[-1].step,
            "epochs": lines[-1].epoch,
            "seconds": lines[-1].seconds,
            "still_learning": bool(curve) and min(curve) in curve[-2:],
        },
    }


def _sampling_speed(run: Path, device: str) -> float | None:
    """Return how many notes a second are sampled, one piece on one thread; None if none comes."""
    with _on_one_thread():
        session = Trained.from_pretrained(run, device=device).session(limit=Limit(ends=False))

        def block() -> float:
            began, before = time.perf_counter(), int(session.notes[0])
            while session.notes[0] - before < BLOCK_NOTES:
                session.step()
                if time.perf_counter() - began > BLOCK_SECONDS:
                    break
            return float((session.notes[0] - before) / (time.perf_counter() - began))

        block()
        return statistics.median(block() for _ in range(BLOCKS)) or None


@contextmanager
def _on_one_thread() -> Iterator[None]:
    """Let torch compute on one thread until the block ends."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""The training loop: AdamW over windows with carried state, validated, checkpointed, resumable.

A run given a number of steps is deterministic: stopped anywhere and resumed, it ends with the same
weights, bit for bit, on the same machine and number of threads. A run given minutes is not, since
its learning rate follows the clock.

Units: nats a note; seconds on the clock, pauses between a stop and a resume left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from howlkit.errors import CheckpointError, DataError
from howlkit.network.batches import Batch, to_tensors
from howlkit.network.likelihood import Counts, Encoded, score
from howlkit.network.network import Network
from howlkit.network.validate import new_network, validate_network
from howlkit.training import checkpoint, model_folder, optimizer, prefetch, stop_signals
from howlkit.training.checkpoint import Checkpoint
from howlkit.training.ema import Average
from howlkit.training.progress import Budget, Meter, Metrics, Progress, TrainingResult
from howlkit.training.recipe import Recipe
from howlkit.training.windows import Position, Segment, Windows

__all__ = ["Interrupted", "Trainer"]


class Interrupted(Exception):
    """Training was stopped by a signal, after saving a checkpoint."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class _TrainerState:
    """What a checkpoint holds besides tensors."""

    step: int = 0
    seconds: float = 0.0
    epoch: int = 0
    index: int = 0
    window: int = 0  # windows of that segment already done
    best: float | None = None
    best_step: int = 0
    validation: float | None = None
    nats: float = 0.0  # of the training since the last validation
    notes: float = 0.0
    patient_from: int = 0  # patience counts from here, or from the best step if that is later


class Trainer:
    """One run: a network, its optimizer, and its place in the data.

    run: the run's folder. windows: the training part. validation: whole pieces, never trained on;
    None judges by the training loss. show: is called with a Progress every few steps.
    workers: processes that prepare the music ahead of training, with the same result; 0: none.
    facts: go into the model's config (unigram, tempo, data ...). counts: of the values as they are
    trained on, to start from; None: facts["unigram"].
    """

    def __init__(
        self,
        run: Path,
        recipe: Recipe,
        windows: Windows,
        validation: Encoded | None,
        *,
        budget: Budget,
        facts: Mapping[str, Any],
        counts: Counts | None = None,
        device: torch.device,
        precision: str = "32",
        workers: int = 0,
        show: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self.run, self.recipe, self.windows, self.validation = run, recipe, windows, validation
        self.budget, self.facts, self.device, self.show = budget, facts, device, show
        self.precision, self.workers = precision, workers
        torch.manual_seed(windows.seed)
        network: Network = new_network(recipe.model, recipe.encoder.schema, recipe.heads)
        validate_network(recipe.model, network, recipe.encoder.schema)
        network.start_at(counts if counts is not None else facts["unigram"])
        self.network = network.to(device)
        self.average = Average(self.network, recipe.training.ema) if recipe.training.ema else None
        self.optimizer = optimizer.adamw(
            self.network, recipe.training.rate, recipe.training.weight_decay
        )
        self._at = _TrainerState()
        self._carried: dict[str, Tensor] | None = None
        self._unread: list[tuple[Tensor, float]] = []  # nats and notes of windows
        self._meter, self._metrics = Meter(), Metrics(run / "metrics.jsonl")
        self._last = self._progress(math.nan, 0.0)
        self._stop: int | None = None
        self._clock = time.perf_counter()

    @property
    def step(self) -> int:
        """How many steps were done."""
        return self._at.step

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.budget.fraction(self._at.step, self._at.seconds) >= 1

    # Beginning ----------------------------------------------------------------------------------

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take over the weights of another run (checked by the caller)."""
        self.network.load_state_dict(dict(weights))
        if self.average is not None:
            self.average.restart()

    def resume(self) -> None:
        """Go back to the newest whole checkpoint of the run; CheckpointError if there is none."""
        saved = checkpoint.load_checkpoint(self.run)
        try:
            self.network.load_state_dict(_part(saved.model, "network"))
            if self.average is not None:
                self.average.load(_part(saved.model, "average"))
            optimizer.load(self.optimizer, _part(saved.optimizer, "optimizer"))
            torch.set_rng_state(saved.optimizer["rng"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(saved.optimizer["rng_cuda"])
            self._carried = self._moved(_part(saved.optimizer, "carried")) or None
            self._at = _TrainerState(**saved.state["position"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{self.run}: its checkpoint does not fit its config.json: {error}"
            ) from error
        self._last = self._progress(math.nan, 0.0)
        self._metrics.forget_after(self._at.step)

    def extend(self) -> None:
        """Be patient anew: a run that is given more time is not to stop at once."""
        self._at.patient_from = self._at.step

    def _moved(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.to(self.device) for name, tensor in tensors.items()}

    # The loop -----------------------------------------------------------------------------------

    def train(self) -> TrainingResult:
        """Train until the budget is used up or nothing improves any more.

        Raises Interrupted after Ctrl-C or SIGTERM, with a checkpoint saved.
        """
        self._clock = time.perf_counter()
        if not (self.run / "checkpoints" / "latest").exists():
            self.save()  # so that a run can be resumed however early it is stopped
        position = Position(self._at.epoch, self._at.index)
        segments = prefetch.segments(self.windows, position, workers=self.workers)
        with stop_signals.handled(self._on_signal), closing(segments):
            for segment in segments:
                result = self._run_segment(segment)
                if result is not None:
                    return result
        raise DataError("the training part holds no notes")  # segments go on for ever

    def _run_segment(self, segment: Segment) -> TrainingResult | None:
        for batch in segment.batches[self._at.window :]:
            if self.is_over:
                return self._finish("budget")
            nats = self._update(batch, segment.scale)
            notes = segment.notes_per_step * float(batch.lengths.sum())
            self._unread.append((nats, notes))
            self._at.step += 1
            self._at.window += 1
            if self._at.window == len(segment.batches):
                after = segment.after
                self._at.epoch, self._at.index, self._at.window = after.epoch, after.index, 0
                self._carried = None
            self._clock_in()
            if self._at.step % self.recipe.training.validate_every == 0:
                self._validate()
                self.save()
                if self._is_stuck():
                    return self._finish("no progress")
            elif self._at.step % 10 == 0:
                self._report()
            if self._stop is not None:
                self.save()
                if self._at.best is None:  # so that what was learnt so far can be heard
                    self.save_model()
                raise Interrupted(self._stop)
        return None

    def _clock_in(self) -> None:
        """Count the time since the last call: reading, validating and saving are training too."""
        now = time.perf_counter()
        self._at.seconds += now - self._clock
        self._clock = now

    def _read(self) -> None:
        """Count what was trained on since the last call: a device is waited for only here."""
        if not self._unread:
            return
        nats = torch.stack([nats for nats, _ in self._unread]).tolist()
        for cost, (_, notes) in zip(nats, self._unread, strict=True):
            self._meter.count(cost, notes)
            self._at.nats += cost
            self._at.notes += notes
        self._unread.clear()

    def _update(self, batch: Batch, scale: int) -> Tensor:
        """Do one step of the optimizer; return the nats of the window (), `mark` left out.

        scale: what the loss is divided by, the same for all windows of a segment, so that a window
        that is mostly padding weighs little.
        """
        options = self.recipe.training
        self.network.train()
        inputs, targets, lengths = to_tensors(batch, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            sums, state = self.network(inputs, targets, lengths, self._carried)
        (sums.sum() / scale).backward()
        if options.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), options.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._carried = {name: part.detach() for name, part in state.items()}
        if self.average is not None:
            self.average.move(self._at.step)
        nats: Tensor = sums.detach()[1:].sum()
        return nats

    def _rate(self) -> float:
        """Return the learning rate: a linear warm-up, then straight down to a hundredth.

        A straight line, since half a cosine spends the end of a short run at rates that change
        nothing (Bergsma et al. 2025, "Straight to zero"); docs/measurements.md has both.
        """
        options = self.recipe.training
        used = self.budget.fraction(self._at.step, self._at.seconds)
        falling = 1.0 - 0.99 * used
        return options.rate * falling * min(1.0, (self._at.step + 1) / max(options.warmup, 1))

    # Judging ------------------------------------------------------------------------------------

    def _validate(self) -> None:
        began = time.perf_counter()
        self._read()
        nats, speed = self._meter.take()
        judged = self._at.nats / self._at.notes if self._at.notes else math.nan
        self._at.nats = self._at.notes = 0.0
        if self.validation is not None:
            with self._weights():
                judged = score(self.network, self.validation).cost_per_note
            self._at.validation = judged
        if not math.isfinite(judged):
            raise DataError(
                f"the loss is {judged} after {self._at.step} steps: the learning rate is too high. "
                "Try again with half of it, -o training.rate=..."
            )
        if self._at.best is None or judged < self._at.best:
            self._at.best, self._at.best_step = judged, self._at.step
            self.save_model()
        self._log(self._progress(nats, speed, validated=True))
        self._meter.since += time.perf_counter() - began  # notes a second are of training alone

    def _is_stuck(self) -> bool:
        options = self.recipe.training
        since = max(self._at.best_step, self._at.patient_from)
        waited = (self._at.step - since) // options.validate_every
        return bool(options.patience) and waited >= options.patience

    def _report(self) -> None:
        self._read()
        self._log(self._progress(*self._meter.take()))

    def _finish(self, reason: str) -> TrainingResult:
        self._read()
        if self._at.notes or (self._at.best is None and self.validation is not None):
            self._validate()
        self.save()
        return TrainingResult(self._last, reason)

    def _progress(self, nats: float, speed: float, *, validated: bool = False) -> Progress:
        at = self._at
        fraction = self.budget.fraction(at.step, at.seconds)
        return Progress(
            at.step,
            at.epoch,
            fraction,
            at.seconds,
            nats,
            speed,
            self._rate(),
            at.validation,
            at.best,
            validated,
        )

    def _log(self, progress: Progress) -> None:
        self._last = progress
        self._metrics.add(progress)
        self.show(progress)

    # Saving -------------------------------------------------------------------------------------

    def save(self) -> Path:
        """Write a checkpoint of everything that the rest of the run depends on."""
        self._read()
        model = _prefixed("network", self.network.state_dict())
        if self.average is not None:
            model |= _prefixed("average", self.average.tensors)
        rest = _prefixed("optimizer", optimizer.tensors_of(self.optimizer))
        rest |= _prefixed("carried", self._carried or {}) | {"rng": torch.get_rng_state()}
        if self.device.type == "cuda":
            rest["rng_cuda"] = torch.cuda.get_rng_state()
        state = {"position": asdict(self._at)}
        return checkpoint.save_checkpoint(self.run, Checkpoint(self._at.step, model, rest, state))

    def save_model(self) -> Path:
        """Write RUN/model with the weights as they are now (averaged, where EMA is on)."""
        facts = {**self.facts, "step": self._at.step, "nats_per_note": self._at.validation}
        with self._weights():
            return model_folder.save(self.run / "model", self.recipe, self.network, facts)

    def _weights(self) -> AbstractContextManager[None]:
        """Have the weights that are judged and kept in the network: averages, where EMA is on."""
        return nullcontext() if self.average is None else self.average.in_network()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop is not None:  # asked twice: at once
            raise KeyboardInterrupt
        self._stop = number


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = prefix + "/"
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}

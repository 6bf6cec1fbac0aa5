"""The training loop: windows with carried state, validated, checkpointed, resumable.

A run with a budget in steps is deterministic: stopped anywhere and resumed, it ends with the same
weights, bit for bit, on the same machine and number of threads and processes. A run with a budget
in minutes is not, since its learning rate follows the clock.

Of several processes each runs this loop over its own rows of every batch. They have the same
weights, clock and position at every step, so all come to the same decisions; the first one writes.

Units: nats a note; seconds on the clock, pauses between a stop and a resume left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from howlkit.errors import CheckpointError, DataError, printable
from howlkit.network.batches import Batch, to_tensors
from howlkit.network.likelihood import Counts, Encoded, Scores, score
from howlkit.network.network import Network
from howlkit.network.validate import new_network, validate_network
from howlkit.training import (
    checkpoint,
    memory,
    model_folder,
    not_finite,
    optimizer,
    prefetch,
    random_state,
    stop_signals,
)
from howlkit.training.carried import CarriedState
from howlkit.training.checkpoint import Checkpoint
from howlkit.training.ema import Average
from howlkit.training.not_finite import Update
from howlkit.training.progress import Budget, Meter, Metrics, Progress, TrainerState, TrainingResult
from howlkit.training.recipe import Recipe
from howlkit.training.run_lock import RunLock
from howlkit.training.weights import with_prefix, without_prefix
from howlkit.training.windows import Position, Segment, Windows
from howlkit.training.world import ALONE, World

__all__ = ["Interrupted", "Trainer"]

EARLY_STEP = 50
"""The step of the early validation. A fixed step, so that the run does not depend on the clock; no
early one is made if the first that counts comes before twice that step."""


class Interrupted(Exception):
    """Training was stopped by a signal, after saving a checkpoint."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Trainer:
    """One run: a network, its optimizer, and its position in the data.

    run: the run's folder. windows: the training part. validation: whole pieces, never trained on;
    None: weights are judged by the training loss. show: called with a Progress every few steps.
    show_early: called once, early, with the step and its validation, which is shown only: it counts
    for nothing. show_step_time: called once with the seconds that a step takes.
    workers: how many processes prepare music ahead of training, with the same result; 0: none.
    facts: stored in the model's config (unigram, tempo, data ...). counts: of values as they are
    trained on, which the heads start from; None: facts["unigram"].
    lock: that of the folder, if it is taken already; it is released when training ends.
    world: the processes that train together, `windows` shared out among them; only the first of
    them locks the folder and writes.
    clock: what a budget in minutes is counted by, in seconds; `time.process_time` counts those of
    the processor, so that other programs do not shorten a run.
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
        lock: RunLock | None = None,
        show_early: Callable[[int, float], None] = lambda step, nats: None,
        show_step_time: Callable[[float], None] = lambda seconds: None,
        clock: Callable[[], float] = time.perf_counter,
        world: World = ALONE,
    ) -> None:
        self.run, self.recipe, self.windows, self.validation = run, recipe, windows, validation
        self.budget, self.facts, self.device, self.show = budget, facts, device, show
        self.precision, self.workers, self._lock, self.world = precision, workers, lock, world
        self.clock = clock
        self.show_early, self.show_step_time = show_early, show_step_time
        torch.manual_seed(windows.seed)
        network: Network = new_network(recipe.model, recipe.encoder.schema, recipe.heads)
        validate_network(recipe.model, network, recipe.encoder.schema)
        network.start_at(counts if counts is not None else facts["unigram"])
        self.network = network.to(device)
        self._parallel: nn.Module = self.network  # until other processes take part
        random_state.seed(windows.seed, world.rank)
        self.average = Average(self.network, recipe.training.ema) if recipe.training.ema else None
        options = recipe.training
        self.optimizer = optimizer.new_optimizer(
            options.optimizer, self.network, options.rate, options.weight_decay
        )
        self.keep = 1  # checkpoints
        self._at = TrainerState()
        self.carried = CarriedState(world, device, options.accumulate)
        self._uncounted: list[Update] = []  # whose nats were not read yet
        self._latest: Update | None = None
        self._meter, self.metrics = Meter(), Metrics(run / "metrics.jsonl")
        self._last = self._progress(math.nan, 0.0)
        self._signal: int | None = None  # that this process was sent
        self._stop: int | None = None  # and that all processes know of
        self._counted_at = clock()  # the time up to which seconds are counted
        self._step_times: list[float] | None = []  # of the first steps; None: they were shown

    @property
    def step(self) -> int:
        """The number of steps done."""
        return self._at.step

    @property
    def seconds(self) -> float:
        """The seconds of training done, without pauses."""
        return self._at.seconds

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.budget.fraction(self._at.step, self._at.seconds) >= 1

    # Beginning ----------------------------------------------------------------------------------

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Set the weights to those of another run (the caller has checked that they fit)."""
        self.network.load_state_dict(dict(weights))
        if self.average is not None:
            self.average.restart()

    def resume(self) -> None:
        """Go back to the newest whole checkpoint of the run; CheckpointError if there is none."""
        self._load(checkpoint.load_checkpoint(self.run))
        self._last = self._progress(math.nan, 0.0)
        if self.world.first:
            self.metrics.forget_after(self._at.step)

    def _load(self, saved: Checkpoint) -> None:
        """Go back to a checkpoint; CheckpointError if it is of another network."""
        try:
            self.network.load_state_dict(without_prefix(saved.model, "network"))
            if self.average is not None:
                self.average.load(without_prefix(saved.model, "average"))
            optimizer.load(self.optimizer, without_prefix(saved.optimizer, "optimizer"))
            self._at = TrainerState(**saved.state["position"])
            random_state.seed(self.windows.seed, self.world.rank, self._at.step)
            random_state.restore(saved.optimizer, self.world, self.device)
            self.carried.load(without_prefix(saved.optimizer, "carried"))
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{printable(self.run)}: its checkpoint does not fit its config.json: {error}"
            ) from error

    def extend(self) -> None:
        """Let patience count from now on, so that a run with a new budget does not stop at once."""
        self._at.patient_from = self._at.step

    # The loop -----------------------------------------------------------------------------------

    def train(self) -> TrainingResult:
        """Train until the budget is used up or validation stops improving.

        Raises Interrupted after Ctrl-C or SIGTERM, when a checkpoint is saved.
        Raises CheckpointError if another process trains into the folder.
        """
        with (self._lock or RunLock.take(self.run)) if self.world.first else nullcontext():
            return self._train()

    def _train(self) -> TrainingResult:
        self._counted_at = self.clock()
        with memory.explained(self.recipe):
            self._join_others()
            if self._is_new():
                self.save()  # so that a run can be resumed however early it stops
            return self._run_segments()

    def _join_others(self) -> None:
        """Begin to train with the other processes, which get the weights of the first one."""
        self.world.wait_for_all()
        self._parallel = self.world.parallel(self.network, self.device)
        if self.average is not None and not self._at.step:
            self.average.restart()

    def _is_new(self) -> bool:
        """Return whether the run has no checkpoint yet, as its first process sees it."""
        latest = self.run / "checkpoints" / "latest"
        return self.world.largest([float(self.world.first and not latest.exists())])[0] > 0

    def _run_segments(self) -> TrainingResult:
        """Train on segment after segment until the run ends."""
        position = Position(self._at.epoch, self._at.index)
        segments = prefetch.segments(
            self.windows, position, workers=self.workers, exchange=self._exchange
        )
        with stop_signals.handled(self._on_signal), closing(segments):
            for segment in segments:
                result = self._run_segment(segment)
                if result is not None:
                    return result
        raise DataError("the training part holds no notes")  # never reached: segments do not end

    def _exchange(self, own: NDArray[np.int64], total: int) -> NDArray[np.int64]:
        """Return the sizes of all rows of a segment; before the first, workers have to start."""
        begins = self._step_times is not None and not self._step_times
        return self.world.all_rows(own, total, patient=begins)

    def _run_segment(self, segment: Segment) -> TrainingResult | None:
        """Train on the windows of a segment not done yet; return the result if the run ends."""
        for batch in segment.batches[self._at.window :]:
            if self.is_over:
                return self._finish("budget")
            self.carried.begin(segment, self.network)
            self._update_window(segment, batch)
            self._at.step += 1
            self._at.window += 1
            if self._at.window == len(segment.batches):
                after = segment.after
                self._at.epoch, self._at.index, self._at.window = after.epoch, after.index, 0
                self.carried.end()
            self._count_seconds()
            self._tell_step_time()
            if self._at.step % self.recipe.training.validate_every == 0:
                self._validate()
                self.save()
                if self._is_stuck():
                    return self._finish("no progress")
            elif self._at.step % 10 == 0:
                self._report()
                if self._at.step == EARLY_STEP:
                    self._validate_early()
            if self._stop is not None:
                self.save()
                if self._at.best is None:  # so that the user can hear what was learnt so far
                    self.save_model()
                raise Interrupted(self._stop)
        return None

    def _update_window(self, segment: Segment, batch: Batch) -> None:
        """Do one step; DataError if its gradients are not finite, as far as nobody has to wait."""
        notes = segment.notes_per_step * float(segment.predictions[self._at.window])
        parts = self.carried.parts(len(batch.lengths))
        states = [self.carried[number] for number in range(len(parts))]
        nothing = torch.zeros((), device=self.device)
        made = Update(self._at.step, segment, self._at.window, parts, states, nothing, notes)
        try:
            nats = self._timed_update(batch, segment.scale)
        except FloatingPointError:
            self._stop_at(made)
        self._latest = replace(made, nats=nats)
        self._uncounted.append(self._latest)

    def _count_seconds(self) -> None:
        """Count the time since the last call, with reading, validating and saving.

        All processes go by the clock of the first, and stop if one of them is to stop.
        """
        now = self.clock()
        seconds = self._at.seconds + now - self._counted_at if self.world.first else 0.0
        self._at.seconds, stop = self.world.largest((seconds, self._signal or 0))
        self._counted_at, self._stop = now, int(stop) or None

    def _count_nats(self) -> None:
        """Count the nats and notes since the last call; only here does a device keep us waiting."""
        if not self._uncounted:
            return
        updates, self._uncounted = self._uncounted, []
        own = torch.stack([update.nats for update in updates]).tolist()
        nats = self.world.summed(np.array(own)).tolist()
        for cost, update in zip(nats, updates, strict=True):
            if not math.isfinite(cost):
                self._stop_at(update)
            self._meter.count(cost, update.notes)
            self._at.nats += cost
            self._at.notes += update.notes

    def _timed_update(self, batch: Batch, scale: int) -> Tensor:
        """Do one step, and keep how many seconds it took, until that was shown."""
        if self._step_times is None:
            return self._update(batch, scale)
        began = time.perf_counter()
        nats = self._update(batch, scale)
        nats.item()  # so that the device has done the step
        self._step_times.append(time.perf_counter() - began)
        return nats

    def _tell_step_time(self) -> None:
        """Show once how many seconds a step takes.

        The first step also warms up what it calls. So the longer one of the next two counts, unless
        the first takes seconds.
        """
        times = self._step_times
        if times and (len(times) == 3 or times[0] > 2):
            self.show_step_time(max(times[1:] or times))
            self._step_times = None

    def _update(self, batch: Batch, scale: int) -> Tensor:
        """Do one step of the optimizer; return the nats of the window (), without those of `mark`.

        They are those of this process's rows, or NaN if the gradients, which are those of all rows,
        are not finite. Where no device has to be waited for, that is found before the weights
        change: FloatingPointError, in all processes alike.
        scale: divides the loss; the same for all windows of a segment and for all processes, so
        that a window that is mostly padding weighs little.
        """
        self.network.train()
        parts = self.carried.parts(len(batch.lengths))
        nats: list[Tensor] = []
        states: list[dict[str, Tensor]] = []
        for number, rows in enumerate(parts):
            last = number + 1 == len(parts)
            with nullcontext() if last else self.world.without_averaging(self._parallel):
                part = batch if len(parts) == 1 else batch.rows(rows)
                cost, state = self._backward(part, self.carried[number], scale)
            nats.append(cost)
            states.append(state)
        clip, on_cpu = self.recipe.training.clip, self.device.type == "cpu"
        norm = optimizer.update(
            self.optimizer, self.network, self._rate(), clip=clip, strict=on_cpu
        )
        self.carried.move(states)
        if self.average is not None:
            self.average.move(self._at.step)
        found = nats[0] if len(nats) == 1 else torch.stack(nats).sum()
        return found.where(norm.isfinite(), math.nan)

    def _backward(
        self, batch: Batch, state: dict[str, Tensor] | None, scale: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Add the gradients of a part of a batch; return its nats (), and the state after it."""
        sums, after = self._costs(self._parallel, batch, state)
        # Processes average their gradients, and their losses are to be added.
        (sums.sum() * self.world.size / scale).backward()  # type: ignore[no-untyped-call]
        nats: Tensor = sums.detach()[1:].sum()
        return nats, after

    def _costs(
        self, module: nn.Module, batch: Batch, state: Mapping[str, Tensor] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the nats by decision (K,) of some rows, and the state after them."""
        inputs, targets, lengths = to_tensors(batch, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            sums, after = module(inputs, targets, lengths, state)
        return sums, after

    def _costs_of_rows(self, batch: Batch, state: Mapping[str, Tensor] | None) -> Tensor:
        """Return the nats by decision (K,) of some rows, which no other process waits for."""
        return self._costs(self.network, batch, state)[0]

    def _rate(self) -> float:
        """Return the learning rate of the next step."""
        options = self.recipe.training
        used = self.budget.fraction(self._at.step, self._at.seconds)
        return optimizer.learning_rate(
            options.rate, step=self._at.step, warmup=options.warmup, used=used
        )

    # Judging ------------------------------------------------------------------------------------

    def _validate_early(self) -> None:
        """Show an early validation, which changes nothing in the run."""
        if self.validation is None or self.recipe.training.validate_every < 2 * EARLY_STEP:
            return
        began = time.perf_counter()
        self.show_early(self._at.step, self._judge(self.validation).cost_per_note)
        self._meter.since += time.perf_counter() - began

    def _judge(self, validation: Encoded) -> Scores:
        """Return what the weights, or their average, cost; processes share the work."""
        with self._weights():
            scores = score(self.network, validation, rank=self.world.rank, ranks=self.world.size)
        return replace(scores, nats=self.world.summed(scores.nats, validated=True))

    def _validate(self) -> None:
        """Judge the weights, and save them as the model if they are the best so far."""
        began = time.perf_counter()
        self._count_nats()
        nats, speed = self._meter.take()
        judged = self._at.nats / self._at.notes if self._at.notes else math.nan
        self._at.nats = self._at.notes = 0.0
        fields = None
        if self.validation is not None:
            scores = self._judge(self.validation)
            judged, fields = scores.cost_per_note, scores.field_costs
            if not math.isfinite(judged):
                self._stop_validation(scores)
            self._at.validation = judged
        is_best = self._at.best is None or judged < self._at.best
        if is_best and not math.isnan(judged):  # NaN: nothing was learnt from yet
            self._at.best, self._at.best_step = judged, self._at.step
            self.save_model()
        self._log(replace(self._progress(nats, speed), validated=True, fields=fields))
        self._meter.since += time.perf_counter() - began  # validation is not in notes a second

    def _is_stuck(self) -> bool:
        """Whether patience has run out: too many validations since the best one."""
        options = self.recipe.training
        since = max(self._at.best_step, self._at.patient_from)
        waited = (self._at.step - since) // options.validate_every
        return bool(options.patience) and waited >= options.patience

    def _report(self) -> None:
        self._count_nats()
        self._log(self._progress(*self._meter.take()))

    def _finish(self, reason: str) -> TrainingResult:
        self._count_nats()
        if self._at.notes or (self._at.best is None and self.validation is not None):
            self._validate()
        self.save()
        return TrainingResult(self._last, reason)

    def _progress(self, nats: float, speed: float) -> Progress:
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
        )

    def _log(self, progress: Progress) -> None:
        self._last = progress
        if self.world.first:
            self.metrics.add(progress)
            self.show(progress)

    # Stopping where a number is not finite --------------------------------------------------------

    def _stop_at(self, update: Update | None) -> NoReturn:
        """Raise DataError, since an update's loss, gradients or new weights are not finite.

        Kept are the weights before it, or where it was seen too late, those of the last checkpoint.
        """
        self._uncounted, self._latest = [], None
        if self._is_finite():
            self.save()
        elif (self.run / "checkpoints" / "latest").exists():
            self._load(checkpoint.load_checkpoint(self.run))
        else:
            raise self._stopped("the weights are infinite or NaN before the first update")
        if self._at.best is None:
            self.save_model()
        if update is None:
            raise self._stopped(f"after {self._at.step} steps weights became infinite or NaN")
        self.network.train()
        found = not_finite.look(self.network, self.windows, update, self._costs_of_rows)
        texts = self.world.texts(found.to_json())
        raise self._stopped(not_finite.described(update.step, texts))

    def _stop_validation(self, scores: Scores) -> NoReturn:
        """Raise DataError, since validation does not cost a finite number of nats."""
        if not self._is_finite():
            self._stop_at(self._latest)
        with self._weights():
            where = not_finite.where_validation_stops(self.network, scores, self.recipe.encoder)
        step = self._at.step
        raise self._stopped(f"after {step} steps the validation loss is infinite or NaN, {where}")

    def _stopped(self, what: str) -> BaseException:
        """Return the error that tells what is wrong, what was kept, and what to do next."""
        if not self.world.first:
            return SystemExit(1)  # the first one says it
        kept = checkpoint.steps(self.run)
        advice = not_finite.advice(self.run, kept, self.recipe.training.rate)
        return DataError(f"training stopped: {what}. {advice}")

    def _is_finite(self) -> bool:
        """Say whether all weights and the optimizer's numbers are finite, in all processes."""
        tensors = [*self.network.state_dict().values()]
        tensors += optimizer.tensors_of(self.optimizer).values()
        if self.average is not None:
            tensors += self.average.tensors.values()
        return not self.world.largest([float(not not_finite.all_finite(tensors))])[0]

    # Saving -------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write a checkpoint, with everything that the rest of the run depends on."""
        self._count_nats()
        if not self._is_finite():
            self._stop_at(self._latest)
        rest = with_prefix("carried", self.carried.tensors())
        rest |= random_state.tensors(self.world, self.device)
        if self.world.first:
            self._save(rest)
        self.world.wait_for_first()

    def _save(self, rest: dict[str, Tensor]) -> None:
        """Write a checkpoint. rest: what all processes gave to it."""
        model = with_prefix("network", self.network.state_dict())
        if self.average is not None:
            model |= with_prefix("average", self.average.tensors)
        rest |= with_prefix("optimizer", optimizer.tensors_of(self.optimizer))
        state = {"position": asdict(self._at)}
        made = Checkpoint(self._at.step, model, rest, state)
        checkpoint.save_checkpoint(self.run, made, keep=self.keep)

    def save_model(self) -> None:
        """Write RUN/model with the present weights, or with their average if EMA is on."""
        if self.world.first:
            facts = {**self.facts, "step": self._at.step, "nats_per_note": self._at.validation}
            with self._weights():
                model_folder.save(self.run / "model", self.recipe, self.network, facts)
        self.world.wait_for_first()

    def _weights(self) -> AbstractContextManager[None]:
        """Put the weights to judge and save into the network: their average if EMA is on."""
        return nullcontext() if self.average is None else self.average.in_network()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:  # the second signal stops at once, without saving
            raise KeyboardInterrupt
        self._signal = number

"""Shows the progress of training on stderr: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from howlkit.dataset.report import counted
from howlkit.errors import printable
from howlkit.training.overfitting import OverfittingWatch
from howlkit.training.run_folders import longer
from howlkit.training.size_words import duration, network_size

if TYPE_CHECKING:
    from howlkit.training.progress import Progress, TrainingResult
    from howlkit.training.trainer import Trainer

__all__ = ["Display", "worse_than_unigram"]


class Display:
    """Shows the progress of training; a context manager, which always restores the terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Show nothing at all if `quiet`."""
        # rich looks at NO_COLOR and at whether stderr is a terminal.
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True, quiet=quiet)
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._baseline: float | None = None
        self._watch = OverfittingWatch()
        self._against_overfitting = ""

    def __enter__(self) -> Display:
        """Return the display itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the live line."""
        self.end()

    def tell(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, markup=False)

    def begin(self, trainer: Trainer) -> None:
        """Print what is trained and on what, and show the trainer's progress from now on."""
        parameters = sum(p.numel() for p in trainer.network.parameters())
        recipe = trainer.recipe
        heads = "chained" if recipe.heads.chained else "independent"
        self._baseline = trainer.facts.get("baseline_nats_per_note")
        self.tell(
            f"Training {recipe.encoder.name} + {recipe.model.name} ({heads} heads, "
            f"{network_size(parameters)}) for {trainer.budget} on {_where(trainer)} "
            f"into {printable(trainer.run)}"
        )
        if self._baseline is not None and trainer.validation is not None:
            self.tell(
                f"A unigram model costs {self._baseline:.3f} nats a note on the "
                f"{trainer.validation.notes:,} notes validated with"
            )
        losses = recipe.heads.no_likelihood(recipe.encoder.schema)
        if losses:
            self.tell(
                f"Trained by squared error: {', '.join(losses)}. So the nats below are a loss that "
                "includes these errors, not a likelihood; `howlkit evaluate` counts only the other "
                "fields"
            )
        self._watch.catch_up(trainer.metrics.read())
        self._against_overfitting = _against_overfitting([a.name for a in recipe.augmenters])
        trainer.show, trainer.show_early = self.show, self._show_early
        trainer.show_step_time = lambda seconds: self._show_step_time(seconds, trainer)
        if self._console.is_terminal and not self._console.quiet:
            # The text keeps its width; the bar takes the rest of the line.
            columns = (BarColumn(bar_width=None), TextColumn("{task.fields[text]}"))
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("", total=1.0, text="")
            self._bar.start()

    def show(self, progress: Progress) -> None:
        """Update the live line; print a lasting line after each validation."""
        if self._bar is not None:
            text = "  ".join([*_time_left(progress), *_figures(progress)])
            self._bar.update(self._task, completed=progress.fraction, text=text)
        if progress.validated:
            figures = _figures(progress, self._baseline)
            self.tell("  ".join([f"step {progress.step}", *figures, *_time_left(progress)]))
        if self._watch.notices(progress):
            self.tell(f"Overfitting: {self._watch}. {self._against_overfitting}")

    def _show_early(self, step: int, nats: float) -> None:
        """Print the early validation, which counts for nothing."""
        ratio = _ratio(nats, self._baseline)
        self.tell(f"step {step}  validation {nats:.3f}{ratio}, a first look, which does not count")

    def _show_step_time(self, seconds: float, trainer: Trainer) -> None:
        """Print how long a step takes, and what that comes to."""
        budget, every = trainer.budget, trainer.recipe.training.validate_every
        left, parts = math.inf, []
        if budget.minutes is not None:
            time_left = max(60 * budget.minutes - trainer.seconds, 0)
            left = time_left / seconds
            parts.append(f"some {counted(round(left), 'step')} in {duration(time_left)}")
        if budget.steps is not None:
            left = min(left, budget.steps - trainer.step)
            takes = duration((budget.steps - trainer.step) * seconds)
            parts.append(f"{counted(budget.steps - trainer.step, 'step')} in some {takes}")
        if every <= left:
            parts.append(f"a validation every {duration(every * seconds)}")
        self.tell(f"A step takes {duration(seconds)}: {', '.join(parts)}")

    def end(self) -> None:
        """Remove the live line."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def outcome(self, outcome: TrainingResult, trainer: Trainer) -> None:
        """Print how training ended."""
        progress = outcome.progress
        why = "" if outcome.reason == "budget" else " (validation did not improve any more)"
        best = "" if progress.best is None else f", {progress.best:.3f} nats a note at its best"
        if self._baseline and progress.best is not None and trainer.validation is not None:
            best += f" in validation, {progress.best / self._baseline:.3f} of unigram"
        minutes, seconds = divmod(round(progress.seconds), 60)
        self.tell(f"Done after {progress.step} steps in {minutes}:{seconds:02d}{why}{best}")


def _where(trainer: Trainer) -> str:
    """Return on what a run is trained: a device, or so many processes and the kind of theirs."""
    if trainer.world.size == 1:
        return str(trainer.device)
    return f"{trainer.world} ({trainer.device.type})"


def _figures(progress: Progress, baseline: float | None = None) -> list[str]:
    """Return per cent done, nats, speed, and validation (with its ratio to the baseline)."""
    parts = [f"{100 * progress.fraction:.0f} %", f"{progress.nats_per_note:.3f} nats/note"]
    if progress.validation is not None:
        parts.append(f"validation {progress.validation:.3f}{_ratio(progress.validation, baseline)}")
    return [*parts, f"{progress.notes_per_second:,.0f} notes/s"]


def _ratio(nats: float, baseline: float | None) -> str:
    return f" ({nats / baseline:.3f} of unigram)" if baseline else ""


def _against_overfitting(augmenters: list[str]) -> str:
    """Return what helps a run with these augmenters that learns its music by heart."""
    more = [name for name in ("transpose", "stretch") if name not in augmenters]
    augment = f", --augment {','.join([*augmenters, *more[:1]])}" if more else ""
    return (
        "It begins to learn its pieces by heart. The weights with the best validation are kept. "
        f"What helps: more music{augment}, a smaller network, or fewer minutes"
    )


def worse_than_unigram(outcome: TrainingResult, trainer: Trainer) -> str | None:
    """Return what to do if the best weights know less than the unigram model; None if they do not.

    That model knows only how often each value occurs.
    """
    best, baseline = outcome.progress.best, trainer.facts.get("baseline_nats_per_note")
    if best is None or baseline is None or trainer.validation is None or best < baseline:
        return None
    worse = "It is worse than the unigram model, which knows only how often each value occurs."
    if outcome.reason != "budget":
        rate = trainer.recipe.training.rate / 5
        return f"{worse} Begin again with a lower learning rate: -o training.rate={rate:g}"
    return f"{worse} Train it longer: {longer(trainer.run, asdict(trainer.budget))}"


def _time_left(progress: Progress) -> list[str]:
    """Return the remaining time; nothing at the beginning and at the end."""
    if not 0 < progress.fraction < 1:
        return []
    left = progress.seconds * (1 - progress.fraction) / progress.fraction
    return [f"{int(left // 60)}:{int(left % 60):02d} left"]

"""Shows the progress of training on stderr: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.training.progress import Progress, TrainingResult
    from howlkit.training.trainer import Trainer

__all__ = ["Display"]


class Display:
    """Shows the progress of training; a context manager, which always restores the terminal."""

    def __init__(self) -> None:
        # rich looks at NO_COLOR and at whether stderr is a terminal.
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._baseline: float | None = None

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
            f"{parameters:,} parameters) for {trainer.budget} on {trainer.device} "
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
        trainer.show = self.show
        if self._console.is_terminal:
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


def _figures(progress: Progress, baseline: float | None = None) -> list[str]:
    """Return per cent done, nats, speed, and validation (with its ratio to the baseline)."""
    parts = [f"{100 * progress.fraction:.0f} %", f"{progress.nats_per_note:.3f} nats/note"]
    if progress.validation is not None:
        ratio = f" ({progress.validation / baseline:.3f} of unigram)" if baseline else ""
        parts.append(f"validation {progress.validation:.3f}{ratio}")
    return [*parts, f"{progress.notes_per_second:,.0f} notes/s"]


def _time_left(progress: Progress) -> list[str]:
    """Return the remaining time; nothing at the beginning and at the end."""
    if not 0 < progress.fraction < 1:
        return []
    left = progress.seconds * (1 - progress.fraction) / progress.fraction
    return [f"{int(left // 60)}:{int(left % 60):02d} left"]

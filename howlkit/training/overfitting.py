"""Notices when a run learns its music by heart: validation rises while the training loss falls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from howlkit.training.progress import Progress

__all__ = ["OverfittingWatch"]

SINCE_BEST = 3
"""The number of validations that the best one must lie back."""

MARGIN = 0.01
"""The share by which validation must have risen, and the training loss fallen."""


@dataclass
class OverfittingWatch:
    """Follows the progress of a run and says once when it overfits.

    A run overfits if its best validation lies at least SINCE_BEST validations back, the last one is
    higher by the share MARGIN, and the training loss has fallen by that share. The training loss of
    a validation is the mean over all reports since the validation before it, so that a few hard
    pieces do not count.

    >>> watch = OverfittingWatch()
    >>> rows = [(6.0, 5.0), (5.5, 4.8), (5.0, 4.9), (4.6, 5.0), (4.2, 5.2)]  # training, validation
    >>> for step, (nats, validation) in enumerate(rows):
    ...     progress = Progress(step, 0, 0.5, 1.0, nats, 1.0, 0.01, validation, 4.8, True)
    ...     print(watch.notices(progress))
    False
    False
    False
    False
    True
    """

    said: bool = False
    _losses: list[float] = field(default_factory=list)  # of training, since the last validation
    _seen: list[tuple[int, float, float]] = field(default_factory=list)  # step, validation, loss

    def notices(self, progress: Progress) -> bool:
        """Take in a Progress; return whether the run overfits, and that was not returned before."""
        self._losses.append(progress.nats_per_note)
        if not progress.validated or progress.validation is None:
            return False
        loss = sum(self._losses) / len(self._losses)
        self._losses.clear()
        self._seen.append((progress.step, progress.validation, loss))
        if self.said or not self._overfits():
            return False
        self.said = True
        return True

    def catch_up(self, progresses: Iterable[Progress]) -> None:
        """Take in what a resumed run has reported before."""
        for progress in progresses:
            self.notices(progress)

    def _overfits(self) -> bool:
        validations = [validation for _, validation, _ in self._seen]
        best = min(range(len(validations)), key=validations.__getitem__)
        if len(validations) - 1 - best < SINCE_BEST:
            return False
        _, lowest, before = self._seen[best]
        _, last, now = self._seen[-1]
        return last > lowest + MARGIN * abs(lowest) and now < before - MARGIN * abs(before)

    def __str__(self) -> str:
        """Return what was noticed, in words."""
        step, lowest, before = min(self._seen, key=lambda seen: seen[1])
        _, last, now = self._seen[-1]
        return (
            f"validation was best at step {step} ({lowest:.3f}) and has risen to {last:.3f}, while "
            f"the training loss fell from {before:.3f} to {now:.3f}"
        )

"""A report on pieces, alone or beside the run that made them, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from howlkit.dataset import Dataset
from howlkit.errors import DataError, HowlkitError, printable
from howlkit.evaluation import leakage
from howlkit.reports.comparison import Comparison, compare
from howlkit.reports.music_to_show import MOST_PIECES, Making, NamedPiece, Tell, new_pieces
from howlkit.reports.settings import settings
from howlkit.sampling.trained import Trained
from howlkit.training.progress import Metrics, Progress

__all__ = ["Report", "RunFacts", "report_of", "report_on_run"]


@dataclass(frozen=True)
class RunFacts:
    """What a report says of a run.

    name: any text. settings: names and texts. log: of its training; empty for a model alone.
    baseline: nats a note of a unigram model; None: not known. making: how its pieces were made, as
    options of `howlkit sample`; "": it made none of them.
    """

    name: str
    settings: Sequence[tuple[str, str]]
    log: Sequence[Progress]
    baseline: float | None
    making: str = ""


@dataclass(frozen=True)
class Report:
    """Pieces, what they are like, and the run that they are compared with."""

    title: str
    pieces: Sequence[NamedPiece]
    comparison: Comparison
    run: RunFacts | None = None


def report_on_run(trained: Trained, making: Making, *, title: str, tell: Tell) -> Report:
    """Return a report on a model with new pieces by it.

    title: "" for the name of its folder. tell: called with lines for the user.
    """
    return report_of(
        new_pieces(trained, making),
        trained,
        title=title or _name(trained),
        making=making.words(),
        seed=making.seed,
        tell=tell,
    )


def report_of(
    pieces: Sequence[NamedPiece],
    trained: Trained | None = None,
    *,
    title: str,
    making: str = "",
    seed: int = 0,
    tell: Tell,
) -> Report:
    """Return a report on pieces.

    trained: the model that they are compared with; None: with none. making: how it made them; "":
    it did not. seed: draws the music to compare with, where there is much. tell: called with lines
    for the user. Raises DataError for too many pieces, or for one without notes.
    """
    if not 1 <= len(pieces) <= MOST_PIECES:
        raise DataError(f"a page shows 1 to {MOST_PIECES} pieces, and these are {len(pieces)}")
    for each in pieces:
        if not len(each.piece):
            raise DataError(f"{printable(each.name)} has no notes, so there is nothing to report")
    music = None if trained is None else _music(trained, tell)
    comparison = compare([each.piece for each in pieces], trained, music, seed=seed)
    facts = None if trained is None else _facts(trained, making)
    return Report(title or _listed(pieces), pieces, comparison, facts)


def _facts(trained: Trained, making: str) -> RunFacts:
    baseline = trained.facts.get("baseline_nats_per_note")
    log = [] if trained.path is None else Metrics(trained.path / "metrics.jsonl").read()
    return RunFacts(_name(trained), settings(trained), log, baseline, making)


def _name(trained: Trained) -> str:
    names = f"{trained.encoder.name} and {trained.model.name}"
    return names if trained.path is None else trained.path.resolve().name


def _listed(pieces: Sequence[NamedPiece]) -> str:
    first = pieces[0].name
    return first if len(pieces) == 1 else f"{first} and {len(pieces) - 1} more"


def _music(trained: Trained, tell: Tell) -> Dataset | None:
    """Return the dataset that a model was trained on; None, and a line, if it is not there."""
    try:
        music = leakage.dataset_of(trained.path or Path())
        changed = music.fingerprint != leakage.fingerprint_of(trained, trained.path or Path())
    except HowlkitError as error:
        tell(f"Without the training music to compare with: {error}")
        return None
    if changed:
        tell(f"Without the training music to compare with: {printable(music.path)} has changed")
        return None
    return music

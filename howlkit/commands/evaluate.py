"""`howlkit evaluate`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands.output_files import next_free
from howlkit.commands.shared_options import (
    ExamplesFirst,
    device_option,
    json_option,
    quoted,
    seed_option,
    tell,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from howlkit.dataset import Dataset
    from howlkit.sampling.trained import Trained

EPILOG = """\b
Examples:
  howlkit evaluate runs/tuple-lstm-1
  howlkit evaluate runs/tuple-lstm-1 --split test --json
  howlkit evaluate runs/tuple-lstm-1 other_music      on music that it was not trained on
  howlkit evaluate runs/tuple-lstm-1 --pieces         list the pieces that surprise it most
  howlkit evaluate runs/tuple-lstm-1 new.mid --notes --json
  howlkit evaluate runs/tuple-lstm-1 --with runs/tuple-gru-1 --with runs/tuple-gru-2"""


@click.command("evaluate", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option(
    "--with",
    "others",
    multiple=True,
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Measure another run on the same pieces, and compare it with RUN; may be repeated.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    help="The part of the music to measure; by default validation, or all of a DATA that RUN was "
    "not trained on.",
)
@click.option("--pieces", is_flag=True, help="List the pieces, the most surprising first.")
@click.option(
    "--notes",
    is_flag=True,
    help="Print what each note of DATA, one file, costs; the onset is in seconds. `howlkit plot "
    "DATA --model RUN` draws it.",
)
@seed_option("The seed of the resamples that the intervals are computed from.")
@device_option
@json_option
def command(
    run: Path,
    data: Path | None,
    others: Sequence[Path],
    split: str | None,
    pieces: bool,
    notes: bool,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Measure how much music surprises the model of RUN, in nats a note, field by field.

    Fewer nats are better. The table compares the model with a unigram model, which knows only how
    often each value occurs in the training part. DATA is a dataset, or a folder or file of music,
    MIDI or what an installed source reads; by default the dataset that RUN was trained on.
    """
    if notes:
        if data is None or others or split or pieces:
            raise click.UsageError("--notes is for one file: howlkit evaluate RUN FILE --notes")
        _print_notes(run, data, device, as_json)
        return
    from howlkit.commands import evaluation_tables
    from howlkit.evaluation import comparison
    from howlkit.evaluation.bootstrap import Resamples
    from howlkit.evaluation.measuring import FEW_GROUPS, Measuring, indices_of
    from howlkit.network.device import pick_device
    from howlkit.sampling.trained import Trained

    chosen = pick_device(device)
    models = {
        path: Trained.from_pretrained(path, device=chosen, stepping=None) for path in (run, *others)
    }
    music, part = _music(run, models[run], data, split)
    indices = indices_of(music, part, advice="try --split all")
    refuse = bool(others) and split not in ("train", "all")
    for path, trained in models.items():
        _check_unseen(path, trained, music, indices, refuse=refuse)
    resamples = Resamples(music.groups[indices], seed=seed)
    measuring = Measuring(music, indices)
    measured = [measuring.measure(str(path), trained) for path, trained in models.items()]
    report = comparison.evaluation_report(measured, resamples, split=part)
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    for line in evaluation_tables.lines(report):
        click.echo(line)
    if pieces:
        click.echo()
        for line in evaluation_tables.pieces(report):
            click.echo(line)
    if 1 < resamples.units < FEW_GROUPS:
        tell(f"The intervals are too narrow, because there are only {resamples.units} groups")
    tell(f"Make music with it: howlkit sample {quoted(run)} --out {next_free(Path('new.mid'))}")


def _print_notes(run: Path, file: Path, device: str, as_json: bool) -> None:
    """Print the notes of a file, as the run's encoder keeps them, and what each costs."""
    from howlkit.commands import evaluation_tables
    from howlkit.dataset.music_file import read_music
    from howlkit.network.device import pick_device
    from howlkit.network.note_nats import noted
    from howlkit.sampling.trained import Trained

    piece = read_music(file, tell=tell)
    trained = Trained.from_pretrained(run, device=pick_device(device), stepping=None)
    kept, nats = noted(trained.network, trained.encoder, piece)
    report = evaluation_tables.note_report(str(run), kept, nats)
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    for line in evaluation_tables.notes(report):
        click.echo(line)


def _music(
    run: Path, trained: Trained, data: Path | None, split: str | None
) -> tuple[Dataset, str]:
    """Return the dataset to measure and the part of it; DataError if there is no dataset."""
    from howlkit.dataset import opening
    from howlkit.evaluation import leakage

    fingerprint = leakage.fingerprint_of(trained, run)
    if data is None:
        music = leakage.dataset_of(run)
        return music, split or "validation"
    music = opening.open_data([data], tell=tell)
    return music, split or _part_of(music, data, fingerprint)


def _part_of(music: Dataset, data: Path, fingerprint: str) -> str:
    """Return the part of DATA to measure by default; say which if the user may not expect it."""
    from howlkit.dataset import opening
    from howlkit.errors import printable

    if music.fingerprint == fingerprint:
        tell(
            f"The model was trained on {printable(data)}, so only its validation part is measured, "
            "which the model has not seen (--split all measures everything)"
        )
        return "validation"
    return "validation" if opening.is_dataset(data) else "all"


def _check_unseen(
    run: Path, trained: Trained, music: Dataset, indices: NDArray[np.int64], *, refuse: bool
) -> None:
    """Warn if a run was trained on pieces to be measured, or if that is unknown.

    refuse: raise a DataError instead of a warning if it was trained on some of them.
    """
    from howlkit.errors import DataError, printable
    from howlkit.evaluation import leakage

    shown = printable(run)
    seen = leakage.trained_on(run, leakage.fingerprint_of(trained, run), music)
    if seen is None:
        tell(
            f"Warning: {shown} may have been trained on pieces that are measured here. Its "
            "training music is gone or has changed, so this cannot be checked"
        )
        return
    known = [index for index in indices if seen[index]]
    if not known:
        return
    what = (
        f"{shown} was trained on {len(known)} of the {len(indices)} pieces to measure, or on other "
        f"takes of them, such as {printable(music.names[known[0]])}"
    )
    if refuse:
        raise DataError(
            f"{what}; compare runs that were trained on one dataset, or name other music as DATA. "
            "--split all measures everything anyway"
        )
    tell(f"Warning: {what}")

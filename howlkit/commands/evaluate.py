"""`howlkit evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from howlkit.commands.shared_options import ExamplesFirst, device_option, json_option

if TYPE_CHECKING:
    from howlkit.dataset import Dataset
    from howlkit.trained import Trained

EPILOG = """\b
Examples:
  howlkit evaluate runs/tuple-lstm-1
  howlkit evaluate runs/tuple-lstm-1 --split test --json
  howlkit evaluate runs/tuple-lstm-1 other_music      all of it: no part of it was trained on"""


@click.command("evaluate", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    help="Which part; by default validation, or all of a DATA that RUN was not trained on.",
)
@device_option
@json_option
def command(run: Path, data: Path | None, split: str | None, device: str, as_json: bool) -> None:
    """Measure the model of RUN in nats a note, field by field, beside a unigram model.

    The fewer nats, the less the music surprises the model; the unigram model knows only how often
    each value occurs in the training part. DATA is a folder of MIDI files or a dataset; by default
    the one that RUN was trained on.
    """
    from howlkit import corpus, evaluate
    from howlkit.device import pick_device
    from howlkit.errors import DataError
    from howlkit.trained import Trained

    trained = Trained.from_pretrained(run, device=pick_device(device))
    fingerprint = _fingerprint(trained, run)
    if data is None:
        music = _trained_on(run)
        part = split or "validation"
        _warn_if_changed(music, fingerprint)
    else:
        music = corpus.open_data([data], tell=_tell)
        part = split or _part_of(music, data, fingerprint)
    if part != "all" and not len(music.indices(part)):
        raise DataError(f"{music.path} has no pieces in its {part} part; try --split all")
    encoded = evaluate.encode_all(trained.recipe.encoder, music.pieces(part))
    scores = evaluate.score(trained.network, encoded)
    baseline = evaluate.unigram_nats(trained.facts["unigram"], encoded)
    result = evaluate.report(scores, baseline, part)
    if as_json:
        click.echo(json.dumps(result, indent=1))
        return
    _print(result)
    _tell(f"Make music with it: howlkit sample {run} --out new.mid")


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _fingerprint(trained: Trained, run: Path) -> str:
    """Return that of the dataset of a run; CheckpointError if the model does not say it."""
    from howlkit.errors import CheckpointError

    try:
        return str(trained.facts["data"]["fingerprint"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{run} is damaged: its model's config.json does not say what it was trained on "
            "(facts.data.fingerprint)"
        ) from error


def _part_of(music: Dataset, data: Path, fingerprint: str) -> str:
    """Return which part of DATA to measure if none is asked for, and say so if it may surprise."""
    from howlkit import corpus

    if music.fingerprint == fingerprint:
        _tell(
            f"The model was trained on {data}: measuring the validation part of it, which it has "
            "not seen (--split all: everything)"
        )
        return "validation"
    return "validation" if corpus.is_dataset(data) else "all"


def _trained_on(run: Path) -> Dataset:
    """Return the dataset of a run; a model folder alone does not know where it is."""
    from howlkit.checkpoint import read_json
    from howlkit.dataset import Dataset
    from howlkit.errors import CheckpointError

    try:
        return Dataset.open(Path(read_json(run / "config.json")["data"]["dataset"]))
    except (CheckpointError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{run} does not say where the music is that it was trained on: "
            f"howlkit evaluate {run} DATA"
        ) from error


def _warn_if_changed(music: Dataset, fingerprint: str) -> None:
    if music.fingerprint != fingerprint:
        _tell(
            f"Warning: {music.path} has changed since this model was trained; pieces of this part "
            "may have been trained on"
        )


def _print(result: dict[str, Any]) -> None:
    click.echo(f"{result['pieces']} pieces, {result['notes']:,} notes, {result['split']} part\n")
    click.echo(f"{'nats a note':<14}{'model':>9}{'unigram':>9}{'ratio':>7}")
    mark = {"(mark)": result["mark"]}
    for name, row in [*result["fields"].items(), ("all", result), *mark.items()]:
        model, unigram = row["nats_per_note"], row["baseline_nats_per_note"]
        ratio = f"{model / unigram:7.3f}" if unigram > 0.0005 else "      -"
        click.echo(f"{name:<14}{model:9.3f}{unigram:9.3f}{ratio}")

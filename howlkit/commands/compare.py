"""`howlkit compare`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from howlkit.commands.component_names import names_option
from howlkit.commands.component_options import SECTIONS, component_options, merged
from howlkit.commands.output_files import claimed, next_free
from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    device_option,
    force_option,
    json_option,
    quoted,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

EPILOG = """\b
Examples:
  howlkit compare my_midi --encoders tuple,remi --models lstm,gru --minutes 2
  howlkit compare my_midi --encoders tuple --models lstm,gru --seeds 3 --plot nats.svg
  howlkit compare data/mine --encoders tuple,event --models lstm --split test --json
  howlkit compare my_midi --encoders tuple --models lstm,gru -o tuple.clock=seconds
  howlkit compare my_midi --encoders tuple,remi --models lstm --samples 100"""


@click.command("compare", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("data", nargs=-1, type=click.Path(path_type=Path))
@names_option("--encoders", "encoder", "The encoders to compare.", required=True)
@names_option(
    "--models",
    "model",
    "The models to compare; each is trained with every encoder.",
    required=True,
)
@names_option(
    "--augment",
    "augmenter",
    "Change the music at random in every run: transpose, stretch, velocity ...",
)
@component_options
@click.option(
    "--minutes",
    type=POSITIVE,
    help="Train each run for this many minutes; 2 if neither --minutes nor --steps is given.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Stop each run after this many steps.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Train each pair this many times, with seeds 0, 1, ...; the table has their mean.",
)
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    default="validation",
    show_default=True,
    help="The held-out pieces to measure. The weights of each run are those that were best on the "
    "validation part.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many runs train at a time. More are done sooner, but share the machine, so that each "
    "learns less in its minutes.",
)
@click.option(
    "--samples",
    metavar="N",
    type=click.IntRange(0, 4096),
    default=0,
    show_default=True,
    help="Sample this many pieces from each run, and show how long they are and in how many of 100 "
    "excerpts a classifier tells them from the held-out pieces (told); 100 or more are good. "
    "Needs scikit-learn.",
)
@click.option(
    "--out-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the comparison; by default runs/compare-..., the same for the same "
    "arguments.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw the nats with their intervals into this file; its suffix is .svg or .png.",
)
@force_option
@device_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    data: tuple[Path, ...],
    encoders: tuple[str, ...],
    models: tuple[str, ...],
    augment: tuple[str, ...],
    option: tuple[str, ...],
    minutes: float | None,
    steps: int | None,
    seeds: int,
    split: Literal["validation", "test"],
    jobs: int,
    samples: int,
    out_dir: Path | None,
    plot: Path | None,
    force: bool,
    device: str,
    as_json: bool,
) -> None:
    """Compare encoders and models: train each pair at equal time, and measure all on one table.

    DATA is a dataset, or folders or files of music; without DATA it is the Bach chorales that come
    with howlkit. Each pair of an encoder and a model is trained by a `howlkit train` of its own, on
    one thread, and measured on the same held-out pieces. The same command goes on where it was
    stopped, and trains only what is new if there are more encoders, models or seeds.
    """
    from howlkit.api.progress import file_progress
    from howlkit.evaluation.trials import chart, table
    from howlkit.evaluation.trials.compare import compare
    from howlkit.evaluation.trials.plan import TrialPlan
    from howlkit.training.progress import Budget

    plan = TrialPlan(
        tuple(dict.fromkeys(encoders)),
        tuple(dict.fromkeys(models)),
        seeds=seeds,
        budget=Budget(steps, minutes) if steps or minutes else Budget(minutes=2),
        augment=tuple(dict.fromkeys(augment)),
        values=merged({}, option, [*encoders, *models, *augment, *SECTIONS]),
        device=device,
    )
    if plot is not None:
        chart.check_name(plot)
        ctx.with_resource(claimed([plot], force=force or _is_own(plot)))
    try:
        report = compare(
            data,
            plan,
            out_dir=out_dir,
            part=split,
            jobs=jobs,
            samples=samples,
            tell=tell,
            progress=file_progress(),
        )
    except KeyboardInterrupt:
        tell("Stopped; what was trained is saved, and the same command goes on from there")
        raise
    if plot is not None:
        chart.save(report, plot)
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        for line in table.lines(report):
            click.echo(line)
    _tell_next(report, plot)
    ctx.exit(1 if report["failed"] else 0)


def _is_own(plot: Path) -> bool:
    """Say whether a file is empty, as left by a command that was killed, or drawn by this command.

    The same command may then replace it: it goes on where it was stopped.
    """
    from howlkit.evaluation.trials import chart

    try:
        return not plot.stat().st_size or chart.MARKER in plot.read_bytes()
    except OSError:
        return False


def _tell_next(report: Mapping[str, Any], plot: Path | None) -> None:
    """Tell where everything is, and what one can do next."""
    from howlkit.evaluation.measuring import FEW_GROUPS

    groups = report["bootstrap"]["groups"]
    if 1 < groups < FEW_GROUPS:
        tell(f"The intervals are too narrow, because there are only {groups} groups")
    tell(f"Everything as JSON: {quoted(Path(report['out_dir']) / 'comparison.json')}")
    if plot is not None:
        tell(f"Open the plot in a browser: {plot.resolve().as_uri()}")
    if report["failed"]:
        log = report["failed"][0]["log"]
        tell(f"See why it failed in {quoted(log)}; the same command tries again what failed")
        return
    lost = {pair["encoder"]: pair["losses"]["notes_lost"] or 0 for pair in report["pairs"]}
    kept = [p for p in report["pairs"] if lost[p["encoder"]] <= min(lost.values()) + 0.01]
    best = min(kept, key=lambda pair: pair["nats_per_second"] or math.inf)
    run = best["runs"][0]["run"]
    new = next_free(Path("new.mid"))
    pair = f"{best['encoder']} + {best['model']}"
    tell(f"Make music with {pair}: howlkit sample {quoted(run)} --out {new}")

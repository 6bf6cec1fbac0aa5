"""`howlkit train`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands.component_names import ComponentName, ComponentNames
from howlkit.commands.shared_options import (
    POSITIVE,
    SECTIONS,
    ExamplesFirst,
    component_options,
    config_option,
    device_option,
    file_progress,
    merged,
)

if TYPE_CHECKING:
    from howlkit.commands.training_display import Display
    from howlkit.training.trainer import Trainer

EPILOG = """\b
Examples:
  howlkit train --encoder tuple --model lstm               the Bach chorales that come with it
  howlkit train my_midi --minutes 10 --augment transpose
  howlkit train my_midi --model gru -o gru.hidden=512 -o tuple.clock=seconds
  howlkit train my_midi --config howl                      the experiment that howlkit began with
  howlkit train --resume                                   go on with the newest run
  howlkit train my_midi --init runs/tuple-lstm-1           start from what it has learnt"""


def _all(ctx: click.Context, param: click.Parameter, lists: tuple[list[str], ...]) -> list[str]:
    return [name for names in lists for name in names]


@click.command("train", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("data", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--encoder",
    type=ComponentName("encoder"),
    show_default="tuple",
    help="How music becomes steps.",
)
@click.option(
    "--model",
    type=ComponentName("model"),
    show_default="lstm",
    help="What predicts the next step.",
)
@click.option(
    "--augment",
    multiple=True,
    type=ComponentNames("augmenter"),
    callback=_all,
    metavar="NAME[,NAME...]",
    help="Random changes, drawn anew for every window: transpose, stretch, velocity ...",
)
@component_options
@config_option
@click.option(
    "--out-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The run's folder; by default runs/ENCODER-MODEL-NUMBER.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Train for so many steps.")
@click.option(
    "--minutes",
    type=POSITIVE,
    help="Train for so long; 10 if neither this nor --steps is given.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@device_option
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16"]),
    default="32",
    show_default=True,
    help="bf16: mixed precision, for devices that are quicker with it.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="Processes that prepare music ahead, for devices that wait for it; the same result.",
)
@click.option("--resume", is_flag=True, help="Go on with --out-dir, or with the newest run.")
@click.option(
    "--init",
    type=click.Path(exists=True, path_type=Path),
    metavar="RUN",
    help="Start from another run's weights, encoder and model (fine-tuning).",
)
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be read.")
@click.pass_context
def command(
    ctx: click.Context,
    data: tuple[Path, ...],
    encoder: str | None,
    model: str | None,
    augment: list[str],
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
    out_dir: Path | None,
    steps: int | None,
    minutes: float | None,
    seed: int,
    device: str,
    precision: str,
    workers: int,
    resume: bool,
    init: Path | None,
    strict: bool,
) -> None:
    """Train a model on DATA: folders or files of MIDI, or a prepared dataset.

    Without DATA it trains on the Bach chorales that come with howlkit. Ctrl-C saves and stops;
    --resume goes on from there.
    """
    from howlkit.commands.training_display import Display
    from howlkit.training import run_folders, setup
    from howlkit.training.progress import Budget

    # With --init only the run that is named knows its encoder and model.
    used = [*config] if init else [encoder or "tuple", model or "lstm", *augment]
    values = merged(config, option, [*used, *SECTIONS])
    with Display() as display:
        if resume:
            _keep_as_it_was(ctx, display)
            trainer = setup.reopen(
                run_folders.to_resume(out_dir),
                Budget(steps, minutes),
                device=device,
                tell=display.tell,
                workers=workers,
            )
        else:
            plan = setup.TrainingPlan(
                sources=data,
                encoder=encoder,
                model=model,
                augment=tuple(augment),
                values=values,
                budget=Budget(steps, minutes) if steps or minutes else Budget(minutes=10),
                seed=seed,
                precision=precision,
                init=init,
                strict=strict,
            )
            trainer = setup.begin(
                plan,
                out_dir,
                device=device,
                tell=display.tell,
                workers=workers,
                progress=file_progress(),
            )
        display.begin(trainer)
        ctx.exit(_train(trainer, display))


def _train(trainer: Trainer, display: Display) -> int:
    """Train, say how it ended and what can be done next, and return the exit code."""
    from howlkit.training.trainer import Interrupted

    try:
        outcome = trainer.train()
    except Interrupted as stop:
        display.end()
        display.tell(
            f"Stopped and saved after {trainer.step} steps. "
            f"Go on with: howlkit train --resume --out-dir {trainer.run}"
        )
        return 128 + stop.number
    display.end()
    display.outcome(outcome, trainer)
    display.tell(f"Make music with it: howlkit sample {trainer.run} --out new.mid")
    return 0


SETTLED = ("data", "encoder", "model", "augment", "option", "seed", "precision", "init", "strict")
"""What is settled when a run begins."""


def _keep_as_it_was(ctx: click.Context, display: Display) -> None:
    """Refuse what was typed with --resume and is settled; say what else is not heeded."""
    source = click.core.ParameterSource
    typed, elsewhere = [], [f"[{name}]" for name in ctx.params["config"]]
    for param in ctx.command.params:
        given = ctx.get_parameter_source(param.name) if param.name in SETTLED else None
        if given is source.COMMANDLINE:
            typed.append(param.opts[0])
        elif given in (source.ENVIRONMENT, source.DEFAULT_MAP):
            elsewhere.append(param.opts[0])
    if typed:
        raise click.UsageError(
            f"--resume goes on with the run as it was: leave out {', '.join(typed)}. "
            "Only --steps, --minutes and --device can be given anew; --init starts a new run"
        )
    if elsewhere:
        display.tell(
            "--resume goes on with the run as it was; not heeded, from --config or the "
            f"environment: {', '.join(elsewhere)}"
        )

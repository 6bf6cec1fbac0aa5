"""`howlkit train`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands.component_names import ComponentName, names_option
from howlkit.commands.component_options import SECTIONS, component_options, config_option, merged
from howlkit.commands.output_files import next_free
from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    device_option,
    quoted,
    seed_option,
    strict_option,
)
from howlkit.errors import HowlkitError

if TYPE_CHECKING:
    from howlkit.api.training_display import Display
    from howlkit.training.trainer import Trainer

EPILOG = """\b
Examples:
  howlkit train --encoder tuple --model lstm               on the Bach chorales in howlkit
  howlkit train my_midi --minutes 10 --augment transpose   on your own MIDI files
  howlkit train my_midi --model gru -o gru.hidden=512 -o tuple.clock=seconds
  howlkit train my_midi --config howl                      repeat Howl, the first experiment
  howlkit train --resume                                   resume the newest run
  howlkit train my_midi --init runs/tuple-lstm-1           start from the weights of a run
  howlkit train my_midi --init chorales                    or of a model that comes along"""


@click.command("train", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("data", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--encoder",
    type=ComponentName("encoder"),
    show_default="tuple",
    help="The encoder, which turns music into steps.",
)
@click.option(
    "--model",
    type=ComponentName("model"),
    show_default="lstm",
    help="The model, which predicts the next step.",
)
@names_option(
    "--augment",
    "augmenter",
    "Change the music at random, differently each time it is used: transpose, stretch, "
    "velocity ...; none: leave it as it is. By default little music is transposed.",
    or_none=True,
)
@component_options
@config_option
@click.option(
    "--out-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the run; by default runs/ENCODER-MODEL-NUMBER.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Stop after this many steps.")
@click.option(
    "--minutes",
    type=POSITIVE,
    help="Stop after this many minutes; 10 if neither --minutes nor --steps is given.",
)
@seed_option("Another seed gives other first weights and another order of the music.")
@device_option
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16"]),
    default="32",
    show_default=True,
    help="32: float32. bf16: mixed precision, which is faster on some GPUs.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="How many processes prepare music in advance; use some if the device has to wait for "
    "music. The result is the same.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="How many checkpoints to keep, the newest ones; `howlkit sample --checkpoint STEP` takes "
    "one of them. Default: 1, or with --resume as many as before.",
)
@click.option(
    "--resume", is_flag=True, help="Resume the run in --out-dir, or else the newest run in runs/."
)
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Start from the weights, encoder and model of another run, or of a model that comes with "
    "howlkit (fine-tuning).",
)
@strict_option
@click.pass_context
def command(
    ctx: click.Context,
    data: tuple[Path, ...],
    encoder: str | None,
    model: str | None,
    augment: tuple[str, ...] | None,
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
    out_dir: Path | None,
    steps: int | None,
    minutes: float | None,
    seed: int,
    device: str,
    precision: str,
    workers: int,
    keep: int | None,
    resume: bool,
    init: Path | None,
    strict: bool,
) -> None:
    """Train a model on DATA: folders or files of MIDI, or a prepared dataset.

    Without DATA it trains on the Bach chorales that come with howlkit. Ctrl-C saves the run and
    stops; --resume goes on from there. Several processes train one network: torchrun
    --nproc-per-node 2 -m howlkit train ...
    """
    from howlkit.api.progress import file_progress
    from howlkit.api.training_display import Display
    from howlkit.training import run_folders, setup
    from howlkit.training.progress import Budget
    from howlkit.training.world import joined_world

    # With --init the encoder and the model are those of the run, which is not read yet.
    used = [*config] if init else [encoder or "tuple", model or "lstm", *(augment or ())]
    values = merged(config, option, [*used, *SECTIONS])
    with joined_world() as world, Display(quiet=not world.first) as display:
        if resume:
            _check_resumable(ctx, display)
            trainer = setup.reopen(
                run_folders.to_resume(out_dir),
                Budget(steps, minutes),
                device=device,
                tell=display.tell,
                keep=keep,
                workers=workers,
                world=world,
            )
        else:
            plan = setup.TrainingPlan(
                sources=data,
                encoder=encoder,
                model=model,
                augment=augment,
                values=values,
                budget=Budget(steps, minutes) if steps or minutes else Budget(minutes=10),
                seed=seed,
                precision=precision,
                init=init,
                strict=strict,
                keep=keep or 1,
            )
            trainer = setup.begin(
                plan,
                out_dir,
                device=device,
                tell=display.tell,
                workers=workers,
                progress=file_progress(),
                world=world,
            )
        display.begin(trainer)
        ctx.exit(_train(trainer, display))


def _train(trainer: Trainer, display: Display) -> int:
    """Train; print how it ended and what to do next; return the exit code."""
    from howlkit.api.training_display import worse_than_unigram
    from howlkit.sampling import tuning
    from howlkit.training.trainer import Interrupted

    try:
        outcome = trainer.train()
    except Interrupted as stop:
        display.end()
        display.tell(
            f"Stopped and saved after {trainer.step} steps. "
            f"Resume it: howlkit train --resume --out-dir {quoted(trainer.run)}"
        )
        return 128 + stop.number
    display.end()
    display.outcome(outcome, trainer)
    if trainer.world.first:
        if found := tuning.tune(trainer.run):
            display.tell(found)
        _keep_for_audits(trainer.run)
    if advice := worse_than_unigram(outcome, trainer):
        display.tell(advice)
        return 0
    new = next_free(Path("new.mid"))
    display.tell(f"Make music with it: howlkit sample {quoted(trainer.run)} --out {new}")
    return 0


def _keep_for_audits(run: Path) -> None:
    """Leave beside a run what `sample` and `audit` find copies with; they do without it, too."""
    from howlkit.evaluation.copying import training_music

    with contextlib.suppress(HowlkitError, OSError):
        training_music.keep(run)


FIXED = ("data", "encoder", "model", "augment", "option", "seed", "precision", "init", "strict")
"""The parameters that cannot change after a run has begun."""


def _check_resumable(ctx: click.Context, display: Display) -> None:
    """Raise a usage error if the user typed a fixed parameter; name those that are ignored."""
    source = click.core.ParameterSource
    typed, elsewhere = [], [f"[{name}]" for name in ctx.params["config"]]
    for param in ctx.command.params:
        given = ctx.get_parameter_source(param.name) if param.name in FIXED else None
        # To click before 8.3 an argument that is left out was given, with no value.
        if given is source.COMMANDLINE and ctx.params[param.name] != ():
            typed.append(param.opts[0])
        elif given in (source.ENVIRONMENT, source.DEFAULT_MAP):
            elsewhere.append(param.opts[0])
    if typed:
        raise click.UsageError(
            f"--resume continues the run with its own options: leave out {', '.join(typed)}. "
            "Only --steps, --minutes, --device, --workers and --keep can change; --init starts a "
            "new run"
        )
    if elsewhere:
        display.tell(
            "--resume continues the run with its own options; these, from --config or the "
            f"environment, are ignored: {', '.join(elsewhere)}"
        )

"""Command `miditok-export`: the tokenizer of a run as MidiTok's own tokenizer.json."""

from __future__ import annotations

from pathlib import Path

import click

from howlkit.commands.output_files import claimed, file_in, force_option, next_free

__all__ = ["export"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    show_default="tokenizer.json",
    help="The file to write, or the folder to write tokenizer.json into.",
)
@force_option
@click.pass_context
def export(ctx: click.Context, run: Path, out: Path | None, force: bool) -> None:
    """Write the tokenizer that RUN was trained with, learnt vocabulary included.

    MidiTok reads the file, and so does `howlkit train --encoder miditok -o miditok.params=FILE`.
    """
    from howlkit.errors import HowlkitError
    from howlkit.plugins import unwrapped
    from howlkit.sampling import Trained
    from howlkit_miditok import MidiTok

    name = "tokenizer.json"
    target = next_free(Path(name)) if out is None else file_in(out, name)
    ctx.with_resource(claimed([target], force=force))
    encoder = unwrapped(Trained.from_pretrained(run, stepping=None).recipe.encoder)
    if not isinstance(encoder, MidiTok):
        raise HowlkitError(f"{run} was trained with encoder {encoder.name!r}, not with miditok")
    target.write_text(encoder.tokenizer_json(), encoding="utf-8")
    click.echo(f"Wrote {target}")

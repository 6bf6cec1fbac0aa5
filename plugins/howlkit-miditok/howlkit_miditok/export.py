"""Command `miditok-export`: the tokenizer of a run as MidiTok's own tokenizer.json."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["export"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default="tokenizer.json", show_default=True)
def export(run: Path, out: Path) -> None:
    """Write the tokenizer that RUN was trained with, learnt vocabulary included.

    MidiTok reads the file, and so does `howlkit train --encoder miditok -o miditok.params=FILE`.
    """
    from howlkit.errors import HowlkitError
    from howlkit.plugins import unwrapped
    from howlkit.sampling import Trained
    from howlkit_miditok import MidiTok

    encoder = unwrapped(Trained.from_pretrained(run, stepping=None).recipe.encoder)
    if not isinstance(encoder, MidiTok):
        raise HowlkitError(f"{run} was trained with encoder {encoder.name!r}, not with miditok")
    out.write_text(encoder.tokenizer_json(), encoding="utf-8")
    click.echo(f"Wrote {out}")

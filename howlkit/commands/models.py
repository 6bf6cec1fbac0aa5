"""`howlkit models`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from howlkit.commands.output_files import next_free
from howlkit.commands.shared_options import ExamplesFirst, json_option, tell
from howlkit.errors import HowlkitError

EPILOG = """\b
Examples:
  howlkit models
  howlkit models --json
  howlkit sample chorales --bars 8 --out new.mid
  howlkit train my_midi --init chorales                 fine-tune one on your own music"""


@click.command("models", cls=ExamplesFirst, epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """List the models that come with howlkit, the best first.

    The name of one stands wherever a command takes a RUN. Nats a note are those of the test part:
    pieces that the model never saw; fewer are better.
    """
    from howlkit.training import shipped_models

    cards = [model.card for model in shipped_models.all_models()]
    if as_json:
        click.echo(json.dumps(cards, indent=1))
        return
    if not cards:
        raise HowlkitError("no models came with this howlkit; install it again")
    for card in cards:
        for line in _lines(card):
            click.echo(line)
    tell(f"Make music: howlkit sample {cards[0]['name']} --out {next_free(Path('new.mid'))}")


def _lines(card: Mapping[str, Any]) -> list[str]:
    """Return what a card says, a line each."""
    nats, unigram = card["nats"], card["unigram"]["test"]
    rows = {
        "": card["about"],
        "encoder, model": f"{card['encoder']}, {card['model']}; {card['parameters']:,} weights, "
        f"{card['bytes'] / 1e6:.1f} MB",
        "nats a note": f"{nats['test']:.3f} (test), {nats['validation']:.3f} (validation); a "
        f"unigram model {unigram:.3f}",
        "data": f"{card['data']}; {card['split']}",
        "licence": card["licence"],
        "train it again": card["train"],
    }
    labels = [f"{name}: " if name else "" for name in rows]
    return [card["name"], *(f"  {a}{b}" for a, b in zip(labels, rows.values(), strict=True))]

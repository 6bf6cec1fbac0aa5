"""`howlkit info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from howlkit.commands.shared_options import json_option

EPILOG = """\b
Examples:
  howlkit info my.mid
  howlkit info data/mine --json
  howlkit info runs/tuple-lstm-1"""


@click.command("info", epilog=EPILOG)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@json_option
def command(path: Path, as_json: bool) -> None:
    """Say what is in PATH: a dataset, a run, or a MIDI file."""
    from howlkit import corpus
    from howlkit.errors import DataError

    if corpus.is_dataset(path):
        facts = _of_dataset(path)
    elif path.is_dir():
        if not any((path / name / "config.json").is_file() for name in (".", "model")):
            raise DataError(
                f"{path} is neither a dataset nor a run; a folder of MIDI files becomes one with: "
                f"howlkit prepare {path} --out DATASET"
            )
        facts = _of_run(path)
    else:
        facts = _of_file(path)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    for line in _lines(facts):
        click.echo(line)


def _of_file(path: Path) -> dict[str, Any]:
    import numpy as np

    from howlkit import instruments, midi

    reading = midi.inspect(path)
    piece = reading.piece
    metres = [f"{m['numerator']}/{m['denominator']}" for m in piece.time_signatures]
    programs, counts = np.unique(piece.notes["program"], return_counts=True)
    return {
        "file": piece.name,
        "seconds": round(piece.seconds_long, 2),
        "beats": round(piece.beats_long, 2),
        "ticks_per_beat": piece.ticks_per_beat,
        "notes": len(piece),
        "instruments": {
            instruments.name(int(p)): int(n) for p, n in zip(programs, counts, strict=True)
        },
        "pitches": [int(piece.notes["pitch"].min()), int(piece.notes["pitch"].max())]
        if len(piece)
        else [],
        "tempo_changes": len(piece.tempos),
        "time_signatures": metres[:8],
        "pedal_presses": len(piece.pedals),
        "mended": reading.repairs,
    }


def _of_dataset(path: Path) -> dict[str, Any]:
    from howlkit.dataset import Dataset

    return Dataset.open(path).summary()


def _of_run(path: Path) -> dict[str, Any]:
    from howlkit.checkpoint import read_json

    found = path / "config.json"
    config = read_json(found if found.is_file() else path / "model" / "config.json")
    model = path / "model" / "config.json"
    facts = read_json(model).get("facts", {}) if model.is_file() else config.get("facts", {})
    return {
        "recipe": config.get("recipe", {}),
        "data": (config.get("data") or facts.get("data", {})).get("summary"),
        "step": facts.get("step"),
        "nats_per_note": facts.get("nats_per_note"),
        "baseline_nats_per_note": facts.get("baseline_nats_per_note"),
        "seed": config.get("seed"),
        "versions": config.get("versions") or facts.get("versions"),
    }


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    """Return nested facts as indented lines, for people."""
    lines = []
    for name, value in facts.items():
        label = f"{indent}{name.replace('_', ' ')}"
        if isinstance(value, dict) and value:
            lines += [label, *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                lines += [label, *_lines(item, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{label}: {', '.join(map(str, value)) or 'none'}")
        else:
            lines.append(f"{label}: {'none' if value in (None, {}) else value}")
    return lines

"""`howlkit info`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from howlkit.commands.run_facts import OPTIONS, facts_of_run, lines_of_run, next_for_run
from howlkit.commands.shared_options import ExamplesFirst, json_option, quoted, tell
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.music.midi import Reading

EPILOG = """\b
Examples:
  howlkit info my.mid
  howlkit info data/mine --json
  howlkit info runs/tuple-lstm-1 --all
  howlkit sample --out - | howlkit info -"""


@click.command("info", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("path", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@json_option
@click.option(
    "--all", "show_all", is_flag=True, help="Of a run, show all options, its seed and versions too."
)
def command(path: Path, as_json: bool, show_all: bool) -> None:
    """Show what is in PATH: a dataset, a run, or a MIDI file (- for standard input)."""
    facts, then = _facts_and_next(path)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
    elif "recipe" in facts:
        for line in lines_of_run(facts):
            click.echo(line)
        for line in _lines({name: facts[name] for name in OPTIONS}) if show_all else ():
            click.echo(line)
    else:
        for line in _lines(facts):
            click.echo(line)
    tell(then)


def _facts_and_next(path: Path) -> tuple[dict[str, Any], str]:
    """Return the facts about `path`, and a line about what the user can do next."""
    from howlkit.dataset import opening
    from howlkit.errors import DataError
    from howlkit.music import midi

    shown = quoted(path)
    if path == Path("-"):
        data = sys.stdin.buffer.read(midi.Limits().max_bytes + 1)
        reading = midi.inspect_bytes(data, name="stdin")
        return _of_reading(reading), "Save it to a file to see it: howlkit plot FILE --out roll.svg"
    if opening.is_dataset(path):
        return _of_dataset(path), f"Train on it: howlkit train {shown} --encoder tuple --model lstm"
    if not path.is_dir():
        return _of_reading(midi.inspect(path)), f"See it: howlkit plot {shown} --out roll.svg"
    if any((path / name / "config.json").is_file() for name in (".", "model")):
        run = facts_of_run(path)
        return run, next_for_run(path, run)
    raise DataError(
        f"{printable(path)} is neither a dataset nor a run; a folder of MIDI files becomes one "
        f"with: howlkit prepare {shown} --out DATASET"
    )


def _of_reading(reading: Reading) -> dict[str, Any]:
    import numpy as np

    from howlkit.music import general_midi

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
            general_midi.name(int(p)): int(n) for p, n in zip(programs, counts, strict=True)
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
    from howlkit.dataset import Dataset, file_counts

    summary = Dataset.open(path).summary()
    return summary | {"hours": round(summary["hours"], 2)} | file_counts(path)


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    """Return nested facts as indented lines."""
    lines = []
    for name, value in facts.items():
        label = f"{indent}{printable(name.replace('_', ' '))}"
        if isinstance(value, dict) and value:
            lines += [label, *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                lines += [label, *_lines(item, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{label}: {printable(', '.join(map(str, value))) or 'none'}")
        else:
            lines.append(f"{label}: {'none' if value in (None, {}) else printable(value)}")
    return lines

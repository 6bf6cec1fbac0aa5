"""`howlkit info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from howlkit.commands.output_files import next_free
from howlkit.commands.run_facts import OPTIONS, facts_of_run, lines_of_run, next_for_run
from howlkit.commands.run_rights import show_rights
from howlkit.commands.shared_options import ExamplesFirst, json_option, quoted, tell
from howlkit.commands.track_facts import track_facts, track_lines
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.music.midi import Reading
    from howlkit.music.piece import Piece

EPILOG = """\b
Examples:
  howlkit info my.mid
  howlkit info data/mine --json
  howlkit info runs/tuple-lstm-1 --all
  howlkit info runs/tuple-lstm-1 --rights
  howlkit sample --out - | howlkit info -"""


@click.command("info", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("path", type=click.Path(allow_dash=True, path_type=Path))
@json_option
@click.option(
    "--all", "show_all", is_flag=True, help="Of a run, show all options, its seed and versions too."
)
@click.option(
    "--rights",
    is_flag=True,
    help="Of a run, show whose the music is that it was given, and under which licences; with "
    "--json, piece by piece.",
)
def command(path: Path, as_json: bool, show_all: bool, rights: bool) -> None:
    """Show what is in PATH: a dataset, a run, or a file of music (- for MIDI from standard input).

    A file is MIDI, or of another format that an installed source reads. Of a file that howlkit has
    made it shows how. The name of a model that comes with howlkit stands for its folder.
    """
    if rights:
        show_rights(path, as_json=as_json)
        return
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
    from howlkit.dataset.music_file import inspect_music
    from howlkit.errors import DataError
    from howlkit.training import run_folders, shipped_models

    shown, roll = quoted(path), next_free(Path("roll.svg"))
    if path != Path("-") and not path.exists():
        shipped = shipped_models.find(path)
        if shipped is None:
            raise DataError(f"{printable(path)} does not exist, and no model has this name")
        facts = facts_of_run(shipped.folder)
        return facts | {"run": shipped.name}, next_for_run(path, facts)
    if path == Path("-"):
        reading = inspect_music(path, tell=tell)
        return _of_reading(reading), "Save it to a file, and `howlkit plot` draws it"
    if opening.is_dataset(path):
        return _of_dataset(path), f"Train on it: howlkit train {shown} --encoder tuple --model lstm"
    if not path.is_dir():
        reading = inspect_music(path, tell=tell)
        return _of_reading(reading), f"See it: howlkit plot {shown} --out {roll}"
    if any((path / name / "config.json").is_file() for name in (".", "model")):
        run = facts_of_run(path)
        return run, next_for_run(path, run)
    runs = run_folders.runs_in(path)
    if runs:
        raise DataError(f"{printable(path)} is no run, but holds some; name one of them: {runs}")
    raise DataError(
        f"{printable(path)} is neither a dataset nor a run; a folder of MIDI files becomes one "
        f"with: howlkit prepare {shown} --out {quoted(_free_folder(path))}"
    )


def _free_folder(path: Path) -> Path:
    """Return a name for the dataset of a folder: data/NAME, if that does not exist yet."""
    return next_free(Path("data", path.resolve().name or "all"))


def _of_reading(reading: Reading) -> dict[str, Any]:
    import numpy as np

    from howlkit.music import general_midi, provenance

    piece = provenance.removed(reading.piece)
    record = provenance.read(reading.piece)
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
        "tracks": track_facts(piece),
        "tempo_changes": len(piece.tempos),
        "time_signatures": metres[:8],
        "pedal_presses": len(piece.pedals),
        "beside_the_notes": _beside_notes(piece),
        "mended": reading.repairs,
        **({} if record is None else {"made": record}),
    }


def _beside_notes(piece: Piece) -> dict[str, int]:
    """Return how many controllers, bends and texts a piece has, without zeros.

    Encoders leave them out; a prompt keeps them.
    """
    from howlkit.music.extras import BEND, LYRIC, PRESSURE, TRACK_NAME

    numbers, texts = piece.extras.controls["number"], piece.extras.texts
    counts = {
        "controllers": int((numbers < BEND).sum()),
        "pitch_bends": int((numbers == BEND).sum()),
        "channel_pressure": int((numbers == PRESSURE).sum()),
        "track_names": sum(text.kind == TRACK_NAME for text in texts),
        "lyrics": sum(text.kind == LYRIC for text in texts),
        "other_texts": sum(text.kind not in (TRACK_NAME, LYRIC) for text in texts),
    }
    return {what: count for what, count in counts.items() if count}


def _of_dataset(path: Path) -> dict[str, Any]:
    from howlkit.dataset import Dataset, file_counts

    summary = Dataset.open(path).summary()
    return summary | {"hours": round(summary["hours"], 2)} | file_counts(path)


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    """Return nested facts as indented lines."""
    lines = []
    for name, value in facts.items():
        label = f"{indent}{printable(name.replace('_', ' '))}"
        if name == "tracks" and isinstance(value, list):  # of a piece, and no option of that name
            lines += track_lines(value)
        elif isinstance(value, dict) and value:
            lines += [label, *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                lines += [label, *_lines(item, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{label}: {printable(', '.join(map(str, value))) or 'none'}")
        else:
            lines.append(f"{label}: {'none' if value in (None, {}) else printable(value)}")
    return lines

"""`howlkit roundtrip`."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from howlkit.commands.component_names import ComponentNames
from howlkit.commands.component_options import component_options, config_option, merged
from howlkit.commands.shared_options import ExamplesFirst, json_option, tell
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.evaluation.roundtrip import RoundTripReport
    from howlkit.protocols import Encoder

EPILOG = """\b
Examples:
  howlkit roundtrip my_midi                                with every installed encoder
  howlkit roundtrip my_midi --encoder tuple -o tuple.clock=seconds --worst 5
  howlkit roundtrip data/mine --json
  howlkit roundtrip                                        on the Bach chorales in howlkit"""

LEGEND = """
lost, added     notes that the decoded piece lacks, or has and the piece does not; per cent
onset, length   errors of onsets and durations: 50 per cent of the notes are below the first number,
                99 per cent below the second
velocity        the same, in MIDI units, 1..127
program         notes with a wrong instrument; drums: drum notes that are still drum notes
tempo, metre,   how much of them the steps hold; music made by a model cannot have more
pedal           lost: nothing; length: the notes are as long as the pedal holds them
-               this music has nothing of the kind to lose
No encoder keeps controllers (except the sustain pedal), pitch bends, names or lyrics: a model does
not learn them, and the table does not count them."""

WIDTH = 100  # characters of the table, if its figures fit


@click.command("roundtrip", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("data", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    type=ComponentNames("encoder"),
    metavar="NAME[,NAME...]",
    help="Compare these encoders; by default all that are installed.",
)
@component_options
@config_option
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    help="How many files to list for each encoder, those with the largest losses; by default none, "
    "with --json all.",
)
@json_option
def command(
    data: tuple[Path, ...],
    encoders: tuple[list[str], ...],
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
    worst: int | None,
    as_json: bool,
) -> None:
    """Show what each encoder loses of DATA: folders or files of MIDI, or a prepared dataset.

    Every piece is encoded, decoded, and compared with the result. What an encoder loses, no model
    can learn, so look before a night of training; it takes seconds. Without DATA the Bach chorales
    that come with howlkit are used.
    """
    from howlkit.api.progress import file_progress
    from howlkit.dataset import opening
    from howlkit.evaluation import roundtrip

    names = list(dict.fromkeys(name for several in encoders for name in several))
    chosen = _chosen(names, merged(config, option, names or _all()))
    show = file_progress()
    music = opening.open_data(data, tell=tell, progress=show)
    reports = roundtrip.compare_encoders(
        chosen,
        music.pieces("all"),
        progress=show and (lambda done: show(done, len(music))),
    )
    if as_json:
        told = [{**report.to_json(worst), "beyond": _beyond(report)} for report in reports]
        click.echo(json.dumps(told, indent=1))
    else:
        _print(reports, worst or 0)
    _tell_failures(reports)
    if not as_json:
        tell(f"{LEGEND}\n")
    tell(_next(reports, data, option))


def _beyond(report: RoundTripReport) -> list[str]:
    """Return the names of the columns in which an encoder loses more than the bounds allow."""
    from howlkit.evaluation import recommendation

    return [loss.bound.name for loss in recommendation.losses(report)]


def _all() -> list[str]:
    """Return the names of all installed encoders."""
    from howlkit import plugins

    return [component.name for component in plugins.components("encoder")]


def _chosen(names: list[str], values: Mapping[str, Mapping[str, object]]) -> list[Encoder]:
    """Return the encoders with these names (if there are none: all encoders), with their options.

    Raises OptionError for wrong options. An encoder that the user did not name, and that needs an
    option, is left out, and a line says so.
    """
    from howlkit import plugins
    from howlkit.errors import OptionError, did_you_mean

    used = names or _all()
    for name in values:
        if name not in used:
            raise OptionError(
                f"-o sets an option of {name!r}, which is not compared."
                f"{did_you_mean(name, used)} Options can be given for: {', '.join(used)}"
            )
    chosen: list[Encoder] = []
    for name in used:
        try:
            chosen.append(plugins.create("encoder", name, values.get(name)))
        except OptionError as error:
            if name in names or name in values:
                raise
            tell(f"{name} is left out: {error}")
    return chosen


def _print(reports: Sequence[RoundTripReport], worst: int) -> None:
    """Print a row for each encoder, then the worst files of each."""
    compared = max((len(r.losses) + len(r.failures) for r in reports), default=0)
    notes = max((r.whole.tally.notes for r in reports), default=0)
    click.echo(f"{compared:,} pieces, {notes:,} notes\n")
    rows = [(report.encoder.name, report.facts(report.whole)) for report in reports]
    for line in _table("encoder", rows):
        click.echo(line)
    for report in reports if worst else ():
        click.echo(f"\n{report.encoder.name}: the files with the largest losses")
        pieces = [(printable(one.name), report.facts(one)) for one in report.worst(worst)]
        for line in _table("", pieces):
            click.echo(line)


def _table(title: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Return two lines of headings, and a line for each row (its name, its facts)."""
    heads = [(title, ""), *((top, bottom) for top, bottom, _ in COLUMNS)]
    body = [[name, *(cell(facts) for _, _, cell in COLUMNS)] for name, facts in rows]
    columns = list(zip(*(list(line) for line in zip(*heads, strict=True)), *body, strict=True))
    widths = [max(map(len, column)) for column in columns]
    gap = "  " if sum(widths) + 2 * len(COLUMNS) <= WIDTH else " "
    return [
        gap.join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in zip(*columns, strict=True)
    ]


def _figure(number: float | None) -> str:
    """Return a number with two digits, or rounded to an integer from 100 on."""
    if number is None:
        return "-"
    return f"{number:.0f}" if number >= 100 else f"{number:.2g}"


def _percent(share: float | None) -> str:
    return _figure(None if share is None else 100 * share)


def _kept(share: float | None) -> str:
    """Return per cent, rounded down, so that 100 means everything."""
    return "-" if share is None else f"{math.floor(1000 * share) / 10:g}"


def _median_and_p99(errors: Mapping[str, float | None]) -> str:
    if errors["median"] is None:
        return "-"
    return f"{_figure(errors['median'])}/{_figure(errors['p99'])}"


def _tempo(tempo: Mapping[str, Any] | None) -> str:
    if tempo is None:
        return "-"
    return _percent(tempo["error_share"]) if tempo["kept"] else "lost"


def _metre(metre: Mapping[str, Any] | None) -> str:
    if metre is None:
        return "-"
    return _kept(metre["kept_share"]) if metre["kept"] else "lost"


def _pedal(pedal: Mapping[str, Any] | None) -> str:
    if pedal is None:
        return "-"
    if pedal["in_durations"]:
        return "length"
    return _kept(pedal["kept_share"]) if pedal["kept"] else "lost"


COLUMNS: tuple[tuple[str, str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("lost", "%", lambda facts: _percent(facts["lost_share"])),
    ("added", "%", lambda facts: _percent(facts["added_share"])),
    ("onset ms", "50/99%", lambda facts: _median_and_p99(facts["onset_error_ms"])),
    ("length ms", "50/99%", lambda facts: _median_and_p99(facts["duration_error_ms"])),
    ("velocity", "50/99%", lambda facts: _median_and_p99(facts["velocity_error"])),
    ("program", "wrong %", lambda facts: _percent(facts["wrong_program_share"])),
    ("drums", "kept %", lambda facts: _kept(facts["drums_kept_share"])),
    ("tempo", "off %", lambda facts: _tempo(facts["tempo"])),
    ("metre", "kept %", lambda facts: _metre(facts["metre"])),
    ("pedal", "kept %", lambda facts: _pedal(facts["pedal"])),
    ("steps", "a note", lambda facts: _figure(facts["steps_per_note"])),
)
"""The two headings of each column, and a function from `RoundTripReport.facts` to its cell."""


def _tell_failures(reports: Sequence[RoundTripReport]) -> None:
    """Print the first three pieces on which an encoder failed; --json lists all."""
    for report in reports:
        failed, name = report.failures, report.encoder.name
        if failed:
            pieces = len(report.losses) + len(failed)
            tell(f"{name} failed on {len(failed):,} of {pieces:,} pieces; its row leaves them out:")
        for one in failed[:3]:
            tell(f"  {printable(one.piece)}: {one.error}")
        if len(failed) > 3:
            tell(f"  and {len(failed) - 3:,} more; --json lists all")


def _next(reports: Sequence[RoundTripReport], data: Sequence[Path], option: Sequence[str]) -> str:
    """Return the encoder to train with, or what the one that loses least loses, and a command."""
    from howlkit.evaluation import recommendation

    if not reports:
        return "There is no encoder: howlkit plugins list"
    best = recommendation.least(reports)
    name, lost = best.encoder.name, recommendation.losses(best)
    command = _train_command(name, data, option)
    if not lost:
        if len(reports) == 1:
            return f"{name} keeps this music; train with it: {command}"
        return f"{name} keeps this music best; train with it: {command}"
    what = _listed([str(loss) for loss in lost])
    if len(reports) == 1:
        others = shlex.join(["howlkit", "roundtrip", *map(printable, data)])
        return (
            f"{name} loses {what}. Compare it with the other encoders: {others}\n"
            f"If you can do without that, train with it: {command}"
        )
    return (
        "None of these encoders keeps all of this music. "
        f"{name} loses least, but it loses {what}.\n"
        f"If you can do without that, train with it: {command}"
    )


def _train_command(name: str, data: Sequence[Path], option: Sequence[str]) -> str:
    """Return the command that trains with an encoder and its options among those typed."""
    words = ["howlkit", "train", *map(printable, data), "--encoder", name]
    for assignment in option:
        if assignment.startswith(f"{name}."):
            words += ["-o", assignment]
    return shlex.join(words)


def _listed(words: Sequence[str]) -> str:
    """Return words with commas, and "and" before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

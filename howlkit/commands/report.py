"""`howlkit report`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from howlkit.commands.component_options import component_options, config_option
from howlkit.commands.report_pages import (
    Asked,
    claimed_key,
    claimed_page,
    write_report,
    write_test,
)
from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    device_option,
    force_option,
    json_option,
    seed_option,
)
from howlkit.commands.sound_options import rate_option, renderer_for, renderer_options
from howlkit.commands.steering_options import sampler_flags

EPILOG = """\b
Examples:
  howlkit report runs/tuple-lstm-1 --out report.html       four new pieces, and all about the run
  howlkit report one.mid two.mid --out report.html         files side by side
  howlkit report new.mid --model runs/tuple-lstm-1 --out report.html
  howlkit report --blind runs/tuple-lstm-1 runs/tuple-gru-1 --pairs 12 --out test.html
  howlkit report --blind runs/tuple-lstm-1 chorales --out test.html
  howlkit report --answers answers-*.json --key test.key.json"""

PIECES, PAIRS = 4, 10  # that a run makes


@click.command("report", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("music", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The page to write, FILE.html. In a folder it gets the name of MUSIC.",
)
@click.option(
    "--model",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Compare pieces with the music of this run, and count how much they surprise its model.",
)
@click.option(
    "--pieces",
    type=click.IntRange(1, 64),
    help=f"How many pieces a run makes, {PIECES} by default; of a folder, how many are shown.",
)
@click.option(
    "--seconds",
    type=POSITIVE,
    default=30.0,
    show_default=True,
    help="The length of the pieces that a run makes; with --blind, how much of each is heard.",
)
@click.option("--title", help="The title of the page; by default the name of MUSIC.")
@click.option(
    "--blind",
    is_flag=True,
    help="Write a listening test: MUSIC are A and B, two runs, folders, collections or files.",
)
@click.option(
    "--pairs",
    type=click.IntRange(1, 64),
    help=f"With --blind: how many pairs at most; {PAIRS} by default.",
)
@click.option(
    "--repeats",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="With --blind: how many pairs are heard again in the end, to see if answers stay.",
)
@click.option("--question", help="With --blind: what listeners are asked.")
@click.option(
    "--answers",
    is_flag=True,
    help="Read answers: MUSIC are the files that listeners got from the page of a test.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --answers: the key that was written beside the page; may be repeated. Keys in the "
    "folders of the answers are found.",
)
@json_option
@sampler_flags
@renderer_options
@rate_option(32000)
@seed_option("The seed of new pieces, of the order of pairs, and of what is drawn to compare with.")
@force_option
@component_options
@config_option
@device_option
@click.pass_context
def command(
    ctx: click.Context,
    music: tuple[Path, ...],
    out: Path | None,
    model: Path | None,
    pieces: int | None,
    seconds: float,
    title: str | None,
    blind: bool,
    pairs: int | None,
    repeats: int,
    question: str | None,
    answers: bool,
    keys: tuple[Path, ...],
    as_json: bool,
    temperature: float | None,
    top_p: float | None,
    renderer: str | None,
    soundfont: Path | None,
    rate: int,
    seed: int,
    force: bool,
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
    device: str,
) -> None:
    """Write a page about MUSIC that plays: a run, or files and folders of music.

    The page is one file and needs no network. A run makes new pieces; they stand beside its
    training music, with the course of its training and its settings. --blind writes a listening
    test instead, and --answers reads what its listeners answered.
    """
    _check_options(locals())
    if answers:
        _print_results(music, keys, seed, as_json)
        return
    if out is None:
        raise click.UsageError("--out names the page to write: --out report.html")
    from howlkit.reports.music_to_show import Making

    count = (pairs or PAIRS) if blind else (pieces or PIECES)
    asked = Asked(
        music=music,
        page=claimed_page(ctx, out, music, force=force),
        making=Making(count, seconds, seed, temperature, top_p),
        player=renderer_for(renderer, soundfont, option, config),
        rate=rate,
        device=device,
    )
    if blind:
        key = claimed_key(ctx, asked, force=force)
        write_test(asked, key, repeats=repeats, question=question)
    else:
        write_report(asked, model=model, title=title or "")


def _check_options(given: Mapping[str, object]) -> None:
    """Raise click.UsageError for options that do not go together."""
    blind, answers = given["blind"], given["answers"]
    if blind and answers:
        raise click.UsageError("--blind writes a test, and --answers reads one; leave out either")
    for name in ("pairs", "repeats", "question"):
        if given[name] and not blind:
            raise click.UsageError(f"--{name} is for --blind")
    for name, flag in (("keys", "--key"), ("as_json", "--json")):
        if given[name] and not answers:
            raise click.UsageError(f"{flag} is for --answers")
    for name in ("model", "title", "pieces"):
        if given[name] and (blind or answers):
            raise click.UsageError(f"--{name} is for a report; leave it out")
    music = given["music"]
    if blind and isinstance(music, tuple) and len(music) != 2:
        raise click.UsageError(f"--blind compares two, A and B; got {len(music)}")


def _print_results(files: Sequence[Path], keys: Sequence[Path], seed: int, as_json: bool) -> None:
    from howlkit.commands.listening_results import lines_of_results, read_results, warn_of_few

    found = read_results(files, keys, seed)
    key, sheets, results = found["key"], found["sheets"], found["results"]
    if as_json:
        facts = {"a": key.a, "b": key.b, "question": key.question, **results.to_json()}
        facts["sheets"] = [
            {**dataclasses.asdict(sheet), "file": str(sheet.file)} for sheet in sheets
        ]
        click.echo(json.dumps(facts, indent=1))
        return
    for line in lines_of_results(key, sheets, results):
        click.echo(line)
    warn_of_few(sheets)

"""The pages that `howlkit report` writes: a report, or a listening test and its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands.loading_notices import loading_notices
from howlkit.commands.output_files import claimed, file_in
from howlkit.commands.shared_options import quoted, tell
from howlkit.commands.sound_options import page_playing
from howlkit.errors import HowlkitError, printable

if TYPE_CHECKING:
    from howlkit.music.page import Playing
    from howlkit.plugins.checked import CheckedRenderer
    from howlkit.reports.music_to_show import Making, NamedPiece
    from howlkit.reports.report import Report
    from howlkit.sampling.trained import Trained

__all__ = ["Asked", "claimed_key", "claimed_page", "write_report", "write_test"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What both pages need: the music, the page to write, how runs make pieces, and what plays."""

    music: Sequence[Path]
    page: Path
    making: Making
    player: CheckedRenderer
    rate: int
    device: str

    def playing(self, longest: float) -> Playing:
        """Return what plays on the page; longest: seconds of the longest piece."""
        return page_playing(self.player, self.rate, longest)


def claimed_page(ctx: click.Context, out: Path, music: Sequence[Path], *, force: bool) -> Path:
    """Return the path of the page, kept for this process; HowlkitError if it is no page's."""
    page = file_in(out, f"{music[0].resolve().stem}.html")
    if page.suffix.lower() not in (".html", ".htm"):
        raise HowlkitError(f"{printable(page)} is no name of a page; --out FILE.html")
    ctx.with_resource(claimed([page], force=force, reads=music))
    return page


def claimed_key(ctx: click.Context, asked: Asked, *, force: bool) -> Path:
    """Return the path of the key of a test, kept for this process."""
    from howlkit.reports.listening.key import key_path

    key = key_path(asked.page)
    ctx.with_resource(claimed([key], force=force, reads=asked.music))
    return key


def write_report(asked: Asked, *, model: Path | None, title: str) -> None:
    """Write a report on a run, or on pieces beside the run `model`, and say where it is."""
    from howlkit.reports.report_page import report_page

    made = _report(asked, model, title)
    longest = max(each.piece.seconds_long for each in made.pieces)
    _write(asked.page, report_page(made, asked.playing(longest)))
    count = len(made.pieces)
    tell(f"{printable(asked.page)}  {count} piece{'s' * (count != 1)}, {_size(asked.page)}")
    if made.run is not None and made.run.making:
        again = f"howlkit sample {quoted(asked.music[0])} {made.run.making}"
        tell(f"To make the same pieces: {again}")
    _tell_how_to_open(asked.page)


def _report(asked: Asked, model: Path | None, title: str) -> Report:
    from howlkit.reports.music_to_show import is_run, pieces_in
    from howlkit.reports.report import report_of, report_on_run

    runs = [path for path in asked.music if is_run(path)]
    if not runs:
        count, seed = asked.making.pieces, asked.making.seed
        pieces = pieces_in(asked.music, most=count, seed=seed, tell=tell)
        loaded = None if model is None else _load(model, asked.device)
        return report_of(pieces, loaded, title=title, seed=seed, tell=tell)
    if len(asked.music) > 1 or model is not None:
        raise click.UsageError(
            f"{quoted(runs[0])} is a run, and a report is on one run, or on pieces; to compare "
            "pieces with a run: --model RUN"
        )
    return report_on_run(_load(runs[0], asked.device), asked.making, title=title, tell=tell)


def write_test(asked: Asked, key_file: Path, *, repeats: int, question: str | None) -> None:
    """Write a listening test and its key, and say what to do with them."""
    from howlkit.reports.listening.listening_page import QUESTION, listening_page
    from howlkit.reports.listening.pairs import draw_pairs

    making = asked.making
    one, other = (_side(path, making, asked.device) for path in asked.music)
    pairs = draw_pairs(
        one,
        other,
        count=making.pieces,
        seconds=making.seconds,
        seed=making.seed,
        repeats=repeats,
    )
    a, b = map(str, asked.music)
    question, playing = question or QUESTION, asked.playing(making.seconds)
    text, key = listening_page(
        pairs, a=a, b=b, seed=making.seed, question=question, playing=playing
    )
    _write(asked.page, text)
    _write(key_file, key.to_json())
    count = len(pairs)
    tell(
        f"{printable(asked.page)}  {count} pair{'s' * (count != 1)}, {_size(asked.page)}, for "
        "listeners"
    )
    tell(f"{printable(key_file)}  which side is which; keep it, and keep it from listeners")
    tell(f"Read their answers: howlkit report --answers answers-*.json --key {quoted(key_file)}")
    _tell_how_to_open(asked.page)


def _side(path: Path, making: Making, device: str) -> list[NamedPiece]:
    """Return the pieces of one side of a test: new ones by a run, or those that there are."""
    from howlkit.reports.music_to_show import MOST_PIECES, is_run, new_pieces, pieces_in

    if is_run(path):
        return new_pieces(_load(path, device), making)
    return pieces_in([path], most=MOST_PIECES, seed=making.seed, tell=tell)


def _load(run: Path, device: str) -> Trained:
    from howlkit.sampling.trained import Trained

    with loading_notices():
        return Trained.from_pretrained(run, device=device, stepping="auto")


def _write(path: Path, text: str) -> None:
    from howlkit.atomic_files import write_file

    write_file(path, text.encode("utf-8"))


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _tell_how_to_open(page: Path) -> None:
    tell(f"Open it in a browser: {page.resolve().as_uri()}")

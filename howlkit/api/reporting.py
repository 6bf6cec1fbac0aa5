"""Pages that play, as `howlkit report` writes them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from howlkit.api.progress import teller
from howlkit.atomic_files import write_file
from howlkit.errors import ArgumentError
from howlkit.music.piece import Piece
from howlkit.reports.music_to_show import MOST_PIECES, Making, NamedPiece, is_run, pieces_in
from howlkit.reports.report import Report, report_of, report_on_run
from howlkit.reports.report_page import report_page
from howlkit.sampling.arguments import named, path_of, positive, whole
from howlkit.sampling.trained import Trained

__all__ = ["report"]

PathLike = str | os.PathLike[str]


@named
def report(
    music: Trained | Piece | PathLike | Iterable[Piece | PathLike],
    out: PathLike,
    *,
    model: Trained | PathLike | None = None,
    pieces: int = 4,
    seconds: float = 30.0,
    seed: int = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    title: str = "",
    quiet: bool = False,
) -> Path:
    """Write a report on music, a page that plays, as one file without network; return its path.

    music: a Trained, or the folder of a run, which makes new pieces; or pieces, files and folders,
    one or several. out: ends in .html; a file of that name is replaced. model: what pieces are
    compared with: a Trained, or the folder of a run. pieces, seconds, seed, temperature, top_p: how
    many pieces a run makes, how long they are, and how they are drawn. title: by default the name
    of the run or of the first piece. quiet: print nothing.

    Raises DataError for too many pieces or for one without notes, and ArgumentError for an argument
    of another type.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(Piece.of([(0, 480, 60), (480, 480, 67)]), f"{folder}/two.html")
    ...     page.name, "<script" in page.read_text(encoding="utf-8")
    ('two.html', True)
    """
    target = path_of("out", out)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"out is {str(out)!r}; a report is a page: FILE.html")
    making = Making(
        whole("pieces", pieces, 1, MOST_PIECES),
        positive("seconds", seconds),
        whole("seed", seed, 0),
        temperature,
        top_p,
    )
    made = _report(music, model, making, title, quiet=quiet)
    write_file(target, report_page(made).encode("utf-8"))
    return target


def _report(
    music: Any,  # noqa: ANN401 - what users give
    model: Trained | PathLike | None,
    making: Making,
    title: str,
    *,
    quiet: bool,
) -> Report:
    tell = teller(quiet=quiet)
    run = _trained(music)
    if run is not None:
        if model is not None:
            raise ArgumentError("model is for pieces; a run is compared with its own music")
        return report_on_run(run, making, title=title, tell=tell)
    return report_of(
        _named(music, making, quiet=quiet),
        None
        if model is None
        else _trained(model) or Trained.from_pretrained(path_of("model", model)),
        title=title,
        seed=making.seed,
        tell=tell,
    )


def _model(model: Trained | PathLike | None) -> Trained | None:
    if model is None or isinstance(model, Trained):
        return model
    return Trained.from_pretrained(path_of("model", model), device="auto")


def _trained(music: Any) -> Trained | None:  # noqa: ANN401 - what users give
    """Return the model that was given, or that is in a folder that was given; None for pieces."""
    if isinstance(music, Trained):
        return music
    if isinstance(music, str | os.PathLike) and is_run(Path(music)):
        return Trained.from_pretrained(Path(music), device="auto")
    return None


def _named(music: Any, making: Making, *, quiet: bool) -> list[NamedPiece]:  # noqa: ANN401
    """Return the pieces that were given, with their names."""
    one = isinstance(music, Piece | str | os.PathLike)
    found: list[NamedPiece] = []
    for each in [music] if one else list(music):
        if isinstance(each, Piece):
            found.append(NamedPiece(each.name or f"Piece {len(found) + 1}", each))
        else:
            path = path_of("music", each)
            found += pieces_in([path], most=MOST_PIECES, seed=making.seed, tell=teller(quiet=quiet))
    return found

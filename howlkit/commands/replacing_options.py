"""The options of `howlkit sample` for making a part of a piece anew, or adding one to it.

They are handed on as one value, `Replacing`; options that make no sense with them are refused here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import click

from howlkit.commands.parsed import Parsed

if TYPE_CHECKING:
    from howlkit.music.piece import Piece
    from howlkit.sampling.replacing import Region
    from howlkit.sampling.replacing.given import Given

__all__ = ["Replacing", "replacing_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

Unit = Literal["bars", "beats", "seconds"]


@dataclass(frozen=True, kw_only=True)
class Replacing:
    """What is to be made anew of which file; or, with `accompany`, the file that gets a new part.

    span: from where to where, in `unit`; bars are counted from 1, and the last one is among them.
    keep: pitches of notes that stay.
    """

    span: tuple[float, float] | None = None
    unit: Unit = "bars"
    tracks: tuple[int, ...] | None = None
    keep: tuple[int, ...] | None = None
    given: Given | None = None
    cut_held: bool = False
    candidates: int | None = None
    accompany: Path | None = None

    def region(self, piece: Piece) -> Region:
        """Return the region of a piece; ArgumentError for one that it does not have."""
        import numpy as np

        from howlkit.sampling.replacing import Region
        from howlkit.sampling.replacing.asked import region_to_accompany

        if self.accompany is not None:
            return region_to_accompany(piece)
        keep = self.keep
        span: dict[str, Any] = {self.unit: self.span}
        return Region.of(
            piece,
            **span,
            tracks=self.tracks,
            keep=None if keep is None else lambda notes: np.isin(notes["pitch"], keep),
            cut_held=self.cut_held,
        )


def _span_of(text: str) -> tuple[float, float]:
    """Return (from, to) of "8-12", and of one number twice the same."""
    from howlkit.errors import ArgumentError

    number = r"\s*([0-9]+(?:\.[0-9]+)?)\s*"
    found = re.fullmatch(rf"{number}(?:(?:-|–|\.\.|:){number})?", text)
    if found is None:
        raise ArgumentError(f"{text!r} is no part of a piece; give it as 8-12")
    low = float(found[1])
    return low, low if found[2] is None else float(found[2])


def _tracks_of(text: str) -> tuple[int, ...]:
    from howlkit.errors import ArgumentError

    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,5}", part) for part in parts):
        raise ArgumentError(
            f"{text!r} names no tracks; give their numbers, such as 1,2 (`howlkit info FILE` "
            "shows them)"
        )
    return tuple(dict.fromkeys(map(int, parts)))


def _pitches_of(text: str) -> tuple[int, ...]:
    from howlkit.music.pitch_names import pitches_of

    return pitches_of(text)


OPTIONS = (
    click.option(
        "--replace",
        "replaced",
        type=Parsed("FROM-TO", _span_of),
        help="Make this part of the --prompt anew and keep the rest, note by note: bars 8-12, "
        "counted from 1; -n takes of it, which differ, are written in the order in which they join "
        "what follows.",
    ),
    click.option(
        "--unit",
        type=click.Choice(["bars", "beats", "seconds"]),
        help="What --replace counts; beats and seconds are counted from 0.  [default: bars]",
    ),
    click.option(
        "--tracks",
        type=Parsed("N[,N...]", _tracks_of),
        help="Make anew only notes of these tracks; `howlkit info FILE` shows their numbers.",
    ),
    click.option(
        "--keep",
        type=Parsed("NOTES", _pitches_of),
        help="Keep notes of these pitches in that part: 36-47,60 or C2-B2.",
    ),
    click.option(
        "--keep-rhythm",
        is_flag=True,
        help="The new notes have onsets, lengths and velocities of the old ones.",
    ),
    click.option(
        "--keep-pitches", is_flag=True, help="The new notes have the pitches of the old ones."
    ),
    click.option(
        "--cut-held",
        is_flag=True,
        help="Notes that sound when that part begins end there; else they last as they did.",
    ),
    click.option(
        "--candidates",
        type=click.IntRange(1, 4096),
        help="How many to draw, of which the takes are the best.  [default: 32, or -n]",
    ),
    click.option(
        "--accompany",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Add a part to this piece, all of which is kept; --instruments says which, by default "
        "the piano.",
    ),
)

PARTS = ("unit", "tracks", "keep", "keep_rhythm", "keep_pitches", "cut_held")
"""Options that need --replace."""

INSTEAD = {
    "notes": "the part that is made anew says how much music is made",
    "seconds": "a part by seconds is --replace 10-20 --unit seconds",
    "beats": "a part by beats is --replace 16-32 --unit beats",
    "bars": "the bars to make anew are --replace 8-12",
    "may_end": "the piece goes on after the part that is made anew",
    "bpm": "the piece keeps its tempo; change it in the file",
    "time_signature": "the piece keeps its time signature; change it in the file",
    "without_prompt": "a take is the whole piece; `howlkit sample --stream` says which notes are "
    "new",
    "prompt_seconds": "all of the piece is kept but for that part; cut the file before",
}
"""Options of `howlkit sample` that make no sense here, and what to do instead."""

FLAGS = {"bpm": "--tempo", "replaced": "--replace"}


def replacing_options(command: Command) -> Command:
    """Add the options to a command, which gets them as one argument, `replacing`.

    It is None if neither --replace nor --accompany is given.
    """

    @functools.wraps(command)
    def with_replacing(*args: Any, **values: Any) -> Any:  # noqa: ANN401 - those of any command
        names = ("replaced", *PARTS, "candidates", "accompany")
        own = {name: values.pop(name) for name in names}
        return command(*args, replacing=_checked(own, values), **values)

    with_options: Callable[..., Any] = with_replacing
    for option in reversed(OPTIONS):
        with_options = option(with_options)
    return cast(Command, with_options)


def _checked(own: Mapping[str, Any], others: Mapping[str, Any]) -> Replacing | None:
    """Return what is to be made; a usage error for options that do not go together."""
    given = [name for name, value in own.items() if value not in (None, False)]
    if "accompany" in given:
        _check_accompany(given, others)
        _check_others("--accompany", others)
        candidates = _enough(own["candidates"], others["count"])
        return Replacing(accompany=own["accompany"], candidates=candidates)
    if "replaced" not in given:
        if given:
            raise click.UsageError(
                f"{_flag(given[0])} is for a part of a piece that is made anew; add --prompt FILE "
                "--replace 8-12"
            )
        return None
    if others["prompt"] is None:
        raise click.UsageError("--replace needs --prompt FILE, the piece")
    _check_others("--replace", others)
    if own["keep_rhythm"] and own["keep_pitches"]:
        raise click.UsageError(
            "with both --keep-rhythm and --keep-pitches nothing is left to make anew; leave out one"
        )
    unit: Unit = own["unit"] or "bars"
    return Replacing(
        span=_span(own["replaced"], unit),
        unit=unit,
        tracks=own["tracks"],
        keep=own["keep"],
        given="rhythm" if own["keep_rhythm"] else "pitches" if own["keep_pitches"] else None,
        cut_held=own["cut_held"],
        candidates=_enough(own["candidates"], others["count"]),
    )


def _check_accompany(given: list[str], others: Mapping[str, Any]) -> None:
    if "replaced" in given:
        raise click.UsageError(
            "--accompany adds a part to a piece, --replace makes a part of one anew; leave out one"
        )
    for name in given:
        if name not in ("accompany", "candidates"):
            raise click.UsageError(
                f"{_flag(name)} is for --replace; --accompany keeps all of the piece and adds a "
                f"part to it. Leave out {_flag(name)}"
            )
    if others["prompt"] is not None:
        raise click.UsageError("--accompany names the piece itself; leave out --prompt")


def _check_others(mode: str, others: Mapping[str, Any]) -> None:
    for name, instead in INSTEAD.items():
        if others[name] not in (None, False):
            raise click.UsageError(f"{_flag(name)} makes no sense with {mode}: {instead}")
    if others["sampler"] != "autoregressive":
        raise click.UsageError(
            f"--sampler {others['sampler']} makes no sense with {mode}, which draws --candidates "
            "and chooses among them; leave it out"
        )


def _span(span: tuple[float, float], unit: Unit) -> tuple[float, float]:
    """Return a span, of bars as whole numbers."""
    low, high = span
    if unit != "bars":
        return span
    if low != int(low) or high != int(high):
        raise click.UsageError(
            f"--replace {low:g}-{high:g}: bars are whole numbers; a finer part is one by beats, "
            "--unit beats, or by seconds, --unit seconds"
        )
    return int(low), int(high)


def _enough(candidates: int | None, takes: int) -> int | None:
    if candidates is not None and candidates < takes:
        raise click.UsageError(
            f"--candidates {candidates} are too few for -n {takes}; ask for as many or more"
        )
    return candidates


def _flag(name: str) -> str:
    return FLAGS.get(name, f"--{name.replace('_', '-')}")

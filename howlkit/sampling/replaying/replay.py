"""From the record of a piece to the same piece, made anew.

A record comes from a file, and anybody can write one: all of it is checked, nothing in it names a
path that is opened, and functions that it names are not called.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from howlkit import plugins
from howlkit.errors import HowlkitError, PluginError
from howlkit.music.piece import Piece
from howlkit.plugins.checked import unwrapped
from howlkit.protocols import Constraint
from howlkit.sampling import generation
from howlkit.sampling.arguments import positive, time_signature_of, whole
from howlkit.sampling.generation import SessionMaker
from howlkit.sampling.identity import piece_hash
from howlkit.sampling.limits import Limit
from howlkit.sampling.records import FORMAT, signed
from howlkit.sampling.replacing.region import Region
from howlkit.sampling.replacing.replacement import replace

__all__ = ["ReplayError", "check", "makes_alike", "needs_prompt", "replayed"]

MOST = 4096
"""Rows, takes and candidates at most, as when they were made."""

FUNCTION = re.compile(r"[\w.]+:[\w.]+")

Record = Mapping[str, Any]


class ReplayError(HowlkitError):
    """A record from which a piece cannot be made again; the message says why."""


def needs_prompt(record: Record) -> bool:
    """Return whether the piece continues, changes or accompanies another one."""
    return "prompt" in record


def makes_alike(one: Record, other: Record) -> bool:
    """Return whether two pieces were made at once: their records differ in row or take only."""
    return _together(one) == _together(other)


def check(record: Record, prompt: Piece | None) -> None:
    """Raise ReplayError if a record is of another format, or needs another prompt than this."""
    if record.get("format") != FORMAT:
        raise ReplayError(
            f"its record has format {record.get('format')!r}, and this version of howlkit reads "
            f"{FORMAT}"
        )
    if (kind := record.get("kind")) not in ("sample", "take"):
        raise ReplayError(
            f"its record is of the kind {kind!r}, and only samples and takes are made by one "
            "command; `howlkit info FILE` shows what it says"
        )
    if record.get("stopped"):
        raise ReplayError("its making was stopped before its end, which no seed repeats")
    if not needs_prompt(record):
        if prompt is not None:
            raise ReplayError("it was made without a prompt; leave out --prompt")
        return
    if prompt is None:
        what = "continues" if record["kind"] == "sample" else "is a take of"
        raise ReplayError(f"it {what} another piece, which is needed too: --prompt FILE")
    said = record["prompt"]
    if not isinstance(said, dict) or said.get("sha256") != piece_hash(prompt):
        raise ReplayError(f"{prompt.name or 'the prompt'} is not the piece that it was made from")


def replayed(trained: SessionMaker, record: Record, prompt: Piece | None = None) -> list[Piece]:
    """Return all pieces that were made together with that of a record, each with its record.

    They stand by their "row", or by their "take". trained: the model; prompt: the whole file that
    was continued or changed. Raises ReplayError for a record that is damaged, that the model cannot
    follow, or as `check` says.
    """
    check(record, prompt)
    try:
        if record["kind"] == "take":
            assert prompt is not None  # for mypy: `check` has seen to it
            pieces, name = _takes(trained, record, prompt), "take"
        else:
            pieces, name = _samples(trained, record, prompt), "row"
        return signed(pieces, dict(record), name)
    except ReplayError:
        raise
    except (
        HowlkitError, KeyError, TypeError, ValueError, AttributeError, OverflowError
    ) as error:  # fmt: skip
        raise ReplayError(f"its record cannot be followed: {error}") from error


def _samples(trained: SessionMaker, record: Record, prompt: Piece | None) -> list[Piece]:
    """Return the pieces of a call of `howlkit sample`, by row."""
    opening, source = record.get("opening", {}), record.get("prompt", {})
    start, cut = None, source.get("seconds")
    if prompt is not None:
        start = generation.cut_prompt(prompt, None if cut is None else positive("seconds", cut))
    metre = opening.get("time_signature")
    metre = None if metre is None else time_signature_of(metre)
    bpm = opening.get("tempo")
    session = generation.begin(
        trained,
        rows=whole("rows", record["rows"], 1, MOST),
        seed=whole("seed", record["seed"], 0),
        limit=Limit(**record["limit"]),
        prompt=start,
        bpm=None if bpm is None else positive("tempo", bpm, 4, 1000),
        time_signature=metre,
        constraints=_constraints(record),
    )
    with contextlib.suppress(generation.UnfinishedError):  # what was made then was written too
        generation.run(session, _created("sampler", record["sampler"]))
    return [
        generation.music(
            session, row, start, with_prompt=not source.get("left_out"), time_signature=metre
        )
        for row in range(session.rows)
    ]


def _takes(trained: SessionMaker, record: Record, prompt: Piece) -> list[Piece]:
    """Return the takes of a call of `howlkit sample --replace` or `--accompany`, by take."""
    part = record["region"]
    begin, stop = whole("begin", part["begin"], 0), whole("stop", part["stop"], 1)
    tracks = part.get("tracks")
    start = prompt.notes["start"]
    fresh = (start >= begin) & (start < stop)
    if tracks is not None:
        fresh &= np.isin(prompt.notes["track"], tracks)
    kept = [whole("kept", number, 0, len(prompt) - 1) for number in part.get("kept", [])]
    fresh[kept] = False
    own = bool(part.get("own_track"))
    region = Region(
        prompt,
        begin,
        stop,
        fresh & (not own),
        None if tracks is None else tuple(tracks),
        bool(part.get("cut_held")),
        own,
    )
    given = part.get("given")
    if given not in (None, "rhythm", "pitches"):
        raise ReplayError(f"its record is damaged: given is {given!r}")
    takes = replace(
        trained,
        region,
        takes=whole("takes", record["takes"], 1, MOST),
        seed=whole("seed", record["seed"], 0),
        candidates=whole("candidates", record["candidates"], 1, MOST),
        params=unwrapped(_created("sampler", record["sampler"])).params,
        constraints=_constraints(record),
        given=given,
        quotes=bool(record.get("quotes")),
    )
    return [take.piece for take in takes]


def _constraints(record: Record) -> Sequence[Constraint]:
    return [_created("constraint", each) for each in record.get("constraints", [])]


def _created(kind: str, said: Record) -> Any:  # noqa: ANN401 - any component
    """Return the installed component that a record describes."""
    if "class" in said:
        raise ReplayError(
            f"it was made with the {kind} {said['name']!r}, the class {said['class']} of a script; "
            "in a package it can be found again"
        )
    options = said["options"]
    named = [v for v in options.values() if isinstance(v, str) and FUNCTION.fullmatch(v)]
    if named:
        raise ReplayError(
            f"it was made with the function {named[0]}, and howlkit calls no function because a "
            "file names it"
        )
    try:
        return plugins.create(kind, said["name"], options)
    except PluginError as error:
        raise ReplayError(f"it needs the {kind} {said['name']!r}: {error}") from error


def _together(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("row", "take")}

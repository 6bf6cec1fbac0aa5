"""What one trial plays: pieces sampled from it, how long they are, and whether they are told.

Pieces are made as `howlkit sample` makes them by default, each until the model ends it. Made and
measured once, and kept in a file beside the run; the file counts for one version of the measure and
one number of pieces.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from howlkit.errors import CheckpointError, DataError
from howlkit.evaluation.told import VERSION, tell_apart
from howlkit.music.piece import Piece
from howlkit.sampling.trained import Trained
from howlkit.training.checkpoint import read_json, saving, write_json

__all__ = ["heard"]

TOGETHER = 32
"""How many pieces are sampled at a time."""


def heard(
    run: Path, kept: Path, real: Iterable[Piece], *, number: int, device: str
) -> dict[str, Any]:
    """Return what `number` pieces of a run are like: those figures in the file `kept`, or new ones.

    real: the pieces from which they are told. device: as `howlkit train --device`.
    JSON-ready: "version" of the measure, "pieces", "median_seconds" of a piece, "told" as
    `Told.to_json` returns it, or None and in "why" the reason, such as too few long pieces.
    Raises HowlkitError for a run that cannot be sampled, or without scikit-learn.
    """
    asked = {"version": VERSION, "pieces": number}
    if kept.is_file():
        try:
            found = read_json(kept)
            if {name: found[name] for name in asked} == asked:
                return found
        except (KeyError, CheckpointError):  # of another version, or damaged
            pass
    pieces = _sampled(run, number, device)
    found = asked | {"median_seconds": float(np.median([each.seconds_long for each in pieces]))}
    try:
        found |= {"told": tell_apart(pieces, real).to_json(), "why": None}
    except DataError as error:
        found |= {"told": None, "why": str(error)}
    with saving(kept):
        write_json(kept, found)
    return found


def _sampled(run: Path, number: int, device: str) -> list[Piece]:
    trained = Trained.from_pretrained(run, device=device)
    pieces: list[Piece] = []
    while len(pieces) < number:
        rows = min(TOGETHER, number - len(pieces))
        pieces += trained.sample(rows, seed=len(pieces))
    return pieces

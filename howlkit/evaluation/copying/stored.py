"""The index and the yardstick of a run's training music, in one file beside the run.

RUN/audit.safetensors is written whole or not at all. One that is damaged, of another version, or of
other training music is made anew, so nothing but time is lost with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset.mapped_tensors import Tensors, write_tensors
from howlkit.errors import DataError
from howlkit.evaluation.copying.index import TrainingIndex
from howlkit.evaluation.copying.note_lines import NoteLines
from howlkit.evaluation.copying.yardstick import Yardstick

__all__ = ["FILE", "Searchable", "load", "save"]

FILE = "audit.safetensors"
"""The name of the file in a run's folder."""

_VERSION = 1  # of lines, seeds and passages: what another version wrote is made anew


@dataclass(frozen=True, eq=False)
class Searchable:
    """Training music that can be searched, and what held-out music shares with it.

    fingerprint: of the dataset that both come from.
    """

    index: TrainingIndex
    yardstick: Yardstick
    fingerprint: str


def save(path: Path, music: Searchable) -> None:
    """Write the file; raises OSError if it cannot be written."""
    index, yardstick = music.index, music.yardstick
    names = [name.encode("utf-8", "backslashreplace") for name in index.names]
    tensors: dict[str, NDArray[Any]] = {
        "version": np.array([_VERSION], np.int64),
        "fingerprint": np.frombuffer(music.fingerprint.encode(), np.uint8),
        "pitch": index.lines.pitch,
        "time": index.lines.time,
        "begins": index.lines.begins,
        "seed": index.seed,
        "first": index.first,
        "names": np.frombuffer(b"".join(names), np.uint8),
        "name_stops": np.cumsum([0, *map(len, names)])[1:].astype(np.int64),
        "held.counts": yardstick.counts,
        "held.passages": np.stack(
            (yardstick.line, yardstick.first, yardstick.last, yardstick.length)
        ),
    }
    write_tensors(path, tensors)


def load(path: Path, fingerprint: str) -> Searchable | None:
    """Return what `save` wrote for a dataset with this fingerprint; None if it must be made anew.

    The index is memory-mapped, so that opening it costs the same for any number of notes.
    """
    if not path.is_file():
        return None
    try:
        stored = Tensors(path)
        if stored["version"].tolist() != [_VERSION]:
            return None
        if stored["fingerprint"].tobytes() != fingerprint.encode():
            return None
        return Searchable(_index(stored), _yardstick(stored), fingerprint)
    except DataError:
        return None


def _index(stored: Tensors) -> TrainingIndex:
    """Return the index; DataError if its arrays do not fit each other."""
    lines = NoteLines(stored["pitch"], stored["time"], stored["begins"])
    first, pieces = stored["first"], len(stored["name_stops"])
    stored.check("pitch", np.uint8, (len(lines.time),))
    stored.check("time", np.int32, lines.pitch.shape)
    stored.check("begins", np.int64, (pieces + 1,))
    stored.check("name_stops", np.int64, (pieces,))
    stored.check("names", np.uint8, stored["names"].shape[:1])
    stored.check("seed", np.uint32, first.shape[:1])
    stored.check("first", np.int32, first.shape[:1])
    if not _rises(lines.begins, 0, len(lines.pitch)) or not _within(first, len(lines.pitch)):
        raise DataError(f"the notes of {FILE} do not fit its seeds")
    text, stops = stored["names"].tobytes(), stored["name_stops"].tolist()
    names = (
        text[begin:stop].decode("utf-8", "replace")
        for begin, stop in zip([0, *stops[:-1]], stops, strict=True)
    )
    return TrainingIndex(lines, tuple(names), stored["seed"], first)


def _yardstick(stored: Tensors) -> Yardstick:
    """Return the yardstick; DataError if its arrays do not fit each other."""
    counts, passages = stored["held.counts"], stored["held.passages"]
    stored.check("held.counts", np.int64, counts.shape[:1])
    stored.check("held.passages", np.int64, (4, *passages.shape[1:2]))
    line, first, last, length = passages
    fits = _within(line, len(counts)) and bool((counts >= 0).all() and (length >= 0).all())
    if not fits or not ((first >= 0) & (first <= last) & (last < counts[line])).all():
        raise DataError(f"the held-out passages of {FILE} do not fit its pieces")
    return Yardstick(counts, line, first, last, length)


def _rises(values: NDArray[np.int64], first: int, last: int) -> bool:
    return bool(values[0] == first and values[-1] == last and (np.diff(values) >= 0).all())


def _within(values: NDArray[np.integer[Any]], stop: int) -> bool:
    return not len(values) or bool(values.min() >= 0 and values.max() < stop)

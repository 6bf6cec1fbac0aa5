"""What is otherwise here than where a piece was made, and how another piece differs from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from howlkit.music.piece import Piece
from howlkit.sampling.records import Maker, machine
from howlkit.training.recipe import versions

__all__ = ["between", "circumstances"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a distribution


def circumstances(record: Mapping[str, Any], trained: Maker) -> list[str]:
    """Return a line for each thing that differs: model, versions, stepping, device and machine.

    record: as a file has it, and so not to be trusted.
    """
    said = {name: record.get(name) for name in ("stepping", "device", "machine")}
    here = {"stepping": trained.runner.name, "device": trained.device, "machine": machine()}
    model = record.get("model")
    model = model if isinstance(model, dict) else {}
    known = record.get("versions")
    known = known if isinstance(known, dict) else {}
    known = {name: version for name, version in known.items() if NAME.fullmatch(name)}
    installed = versions(known)
    lines = []
    if model.get("sha256") != trained.identity["sha256"]:
        short = f"{str(model.get('sha256'))[:12]}, here {trained.identity['sha256'][:12]}"
        lines.append(f"another model: {model.get('name', 'without a name')} {short}")
    lines += [
        f"another version of {name}: {version}, here {installed[name]}"
        for name, version in known.items()
        if version != installed[name]
    ]
    return lines + [
        f"another {name}: {said[name]}, here {value}"
        for name, value in here.items()
        if said[name] != value
    ]


def between(written: Piece, made: Piece) -> str:
    """Return in words how a piece that was made again differs from the one in the file."""
    if written == made:
        return "the music is the same; the file was written otherwise"
    old, new = written.notes.tolist(), made.notes.tolist()
    if old == new:
        return "the notes are the same; tempos, metres, pedals, controllers or texts differ"
    same = next(
        (n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None
    )
    first = min(len(old), len(new)) if same is None else same
    where = written.notes["start"][min(first, len(old) - 1)] / written.ticks_per_beat if old else 0
    return (
        f"the notes differ from note {first + 1} on, at beat {where:.1f} "
        f"({len(old)} notes, made again {len(new)})"
    )

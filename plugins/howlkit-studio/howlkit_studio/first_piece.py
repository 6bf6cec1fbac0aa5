"""The piece that a first visitor finds: the model that comes with howlkit made it.

It lies in the wheel as a MIDI file with the record of how it was made, so that it is there at once
and without a model; scripts/make_first_piece.py made it. It becomes a passage like any other: it
can be undone, and made again with its seed and settings.
"""

from __future__ import annotations

import dataclasses
from importlib.resources import files
from typing import Any

from howlkit.music import midi, provenance
from howlkit_studio.change import between
from howlkit_studio.pieces import document_of
from howlkit_studio.projects import Project, Projects

__all__ = ["NAME", "first_piece"]

NAME = "First piece"


def first_piece(projects: Projects) -> Project:
    """Return a new project with the piece, as a passage on an empty one."""
    data = (files("howlkit_studio") / "first_piece.mid").read_bytes()
    piece = midi.read_bytes(data, name=NAME, extras=True)
    full = document_of(provenance.removed(piece))
    project = projects.new(NAME, dataclasses.replace(full, notes={}))
    history = project.history
    passage = _passage(provenance.read(piece) or {}) | {"id": history.next_id(), "at": 0}
    by = passage["id"]
    notes = [dataclasses.replace(n, id=history.next_id(), by=by) for n in full.notes.values()]
    change = between(history.document, notes=notes)
    history.add(change, passage["kind"], by=by, passage=passage)
    return project


def _passage(record: dict[str, Any]) -> dict[str, Any]:
    """Return the one passage of a record, as a history has it."""
    [said] = record["passages"]
    passage = {name: said.pop(name) for name in ("kind", "seed", "settings", "how")}
    del said["notes"]
    return passage | {"model": said["model"]["name"], "made_with": said}

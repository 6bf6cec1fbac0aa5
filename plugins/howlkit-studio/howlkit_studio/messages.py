"""What the server says to a page: PROTOCOL.md in code, one function a message."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from howlkit_studio import edits
from howlkit_studio.change import Change
from howlkit_studio.document import MadeNote, Metre, Note, Tempo, Track, columns
from howlkit_studio.history import History
from howlkit_studio.limits import MESSAGE_BYTES, UPLOAD_BYTES
from howlkit_studio.making import Drafted, Job, Made
from howlkit_studio.models import Model
from howlkit_studio.projects import Listed, Project
from howlkit_studio.provenance import INTERNAL
from howlkit_studio.settings import CONTROLS

__all__ = ["Message"]

Message = dict[str, Any]

PROTOCOL = 1


def hello(version: str, model: Model, exports: Mapping[str, str]) -> Message:
    """Return what there is: the model, the controls, the formats, the limits."""
    return {
        **{"say": "hello", "protocol": PROTOCOL, "version": version},
        "model": _model(model),
        "controls": [dataclasses.asdict(control) for control in CONTROLS],
        "exports": dict(exports),
        "limits": {
            "notes": edits.MOST_NOTES,
            "message_bytes": MESSAGE_BYTES,
            "upload_bytes": UPLOAD_BYTES,
        },
    }


def model(model: Model) -> Message:
    """Return in which state the model is."""
    return {"say": "model", **_model(model)}


def piece(project: Project) -> Message:
    """Return all of the state that is shown."""
    history = project.history
    document = history.document
    return {
        **{"say": "piece", "project": project.id, "name": history.name, "head": history.head},
        **{"ticks_per_beat": document.ticks_per_beat, "end": document.end},
        "notes": columns(Note, document.notes.values()),
        "tracks": columns(Track, document.tracks),
        "tempos": columns(Tempo, document.tempos),
        "time_signatures": columns(Metre, document.metres),
        "passages": [_passage(each) for each in history.passages.values()],
        **_ways(history),
    }


def changed(history: History, change: Change, since: int, what: str, by: int = 0) -> Message:
    """Return how the state that is shown now differs from the state `since`."""
    message: Message = {
        **{"say": "changed", "from": since, "head": history.head, "what": what, "by": by},
        **{"notes": columns(Note, change.after.values()), "gone": change.gone},
        **{"end": history.document.end, **_ways(history)},
    }
    if change.tracks is not None:
        message["tracks"] = columns(Track, change.tracks[1])
    if change.tempos is not None:
        message["tempos"] = columns(Tempo, change.tempos[1])
    if change.metres is not None:
        message["time_signatures"] = columns(Metre, change.metres[1])
    if by in history.passages:
        message["passage"] = _passage(history.passages[by])
    return message


def history(history: History) -> Message:
    """Return the tree of states."""
    states = list(history.states.values())
    table: dict[str, list[Any]] = {
        name: [getattr(state, name) for state in states]
        for name in ("id", "parent", "what", "by", "when")
    }
    table["notes"] = [state.change.touched for state in states]
    return {"say": "history", "head": history.head, "states": table}


def making(job: Job) -> Message:
    """Return that the model has begun."""
    passage = job.passage
    return {
        **{"say": "making", "passage": passage["id"], "kind": passage["kind"]},
        **{"seed": passage["seed"], "settings": passage["settings"]},
    }


def draft(drafted: Drafted) -> Message:
    """Return what is new of the music in the making."""
    number = drafted.job.passage["id"]
    notes = columns(MadeNote, drafted.notes)
    return {"say": "draft", "passage": number, "keep": drafted.keep, "notes": notes}


def takes(made: Made | None) -> Message:
    """Return the takes that may be taken; None: there are none."""
    if made is None:
        return {"say": "takes", "takes": []}
    settings = made.job.passage["settings"]
    return {
        **{"say": "takes", "passage": made.job.passage["id"]},
        **{"begin": settings["begin"], "stop": settings["stop"], "replaced": list(made.job.gone)},
        "takes": [
            {
                "notes": columns(MadeNote, take.notes),
                **{"join": take.join, "distance": take.distance, "complete": take.complete},
            }
            for take in made.takes
        ],
    }


def over(made: Made) -> Message:
    """Return that the model has ended."""
    count = len(made.notes) or sum(len(take.notes) for take in made.takes[:1])
    return {
        **{"say": "made", "passage": made.job.passage["id"], "how": made.how},
        **{"notes": count, "text": made.text},
    }


def surprise(head: int, nats: Mapping[int, float | None]) -> Message:
    """Return the nats of each note in a state."""
    return {"say": "surprise", "head": head, "id": list(nats), "nats": list(nats.values())}


def projects(shown: Project, listed: Sequence[Listed]) -> Message:
    """Return the projects that there are."""
    return {
        **{"say": "projects", "open": shown.id},
        "projects": [dataclasses.asdict(project) for project in listed],
    }


def saved(name: str, folder: str) -> Message:
    """Return that a file was written."""
    return {"say": "saved", "name": name, "folder": folder}


def told(text: str) -> Message:
    """Return something that is to be said."""
    return {"say": "told", "text": text}


def error(text: str) -> Message:
    """Return that an ask was refused."""
    return {"say": "error", "text": text}


def _passage(passage: Mapping[str, Any]) -> Message:
    return {name: value for name, value in passage.items() if name not in INTERNAL}


def _model(model: Model) -> Message:
    return {"state": model.state, "name": model.name, "text": model.text}


def _ways(history: History) -> Message:
    return {"can_undo": history.can_undo, "can_redo": history.can_redo}

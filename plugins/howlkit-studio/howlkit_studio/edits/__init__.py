"""What people ask to have changed in a piece: one class a kind of edit, whose name is `kind`.

Each says what becomes of a document, as a `Change`; nothing is changed in place. What cannot be
done is an `EditError`, which says why. Positions and lengths are ticks.
"""

from howlkit_studio.edits.checks import LONGEST_NAME, MOST_NOTES, Edit, EditError, Ids
from howlkit_studio.edits.notes import (
    Add,
    Copy,
    Lock,
    Move,
    Quantise,
    Remove,
    Resize,
    Set,
    Velocity,
)
from howlkit_studio.edits.tracks import (
    SetTempo,
    SetTimeSignature,
    TrackAdd,
    TrackChange,
    TrackOrder,
    TrackRemove,
)

__all__ = [
    "EDITS",
    "LONGEST_NAME",
    "MOST_NOTES",
    "Add",
    "Copy",
    "Edit",
    "EditError",
    "Ids",
    "Lock",
    "Move",
    "Quantise",
    "Remove",
    "Resize",
    "Set",
    "SetTempo",
    "SetTimeSignature",
    "TrackAdd",
    "TrackChange",
    "TrackOrder",
    "TrackRemove",
    "Velocity",
]

EDITS: tuple[type[Edit], ...] = (
    *(Add, Remove, Move, Copy, Resize, Velocity, Quantise, Lock, Set),
    *(TrackAdd, TrackChange, TrackRemove, TrackOrder, SetTempo, SetTimeSignature),
)
"""Every kind of edit."""

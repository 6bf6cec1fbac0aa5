"""What a model has made becomes a part of the piece: a change, and a passage that says how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from howlkit_studio.change import Change
from howlkit_studio.document import MadeNote
from howlkit_studio.history import History
from howlkit_studio.making import Made
from howlkit_studio.placing import settled
from howlkit_studio.provenance import take_record

__all__ = ["keep", "keep_take", "recover"]


def keep(history: History, made: Made) -> Change | None:
    """Keep what a model has gone on with; None if that is nothing."""
    if not made.notes:
        history.drop_draft()
        return None
    change = _change(history, made.notes, made.job.gone, made.job.passage)
    return _added(history, change, {**made.job.passage, "how": made.how}, made.made_with)


def keep_take(history: History, made: Made, number: int) -> Change:
    """Keep a take, counted from 1, in place of what it replaces."""
    take = made.takes[number - 1]
    passage = {**made.job.passage, "take": number, "how": made.how}
    change = _change(history, take.notes, made.job.gone, passage)
    record = take_record(take.piece, change.apply(history.document))
    if record is not None:
        passage["record"] = record
    return _added(history, change, passage, made.made_with)


def recover(history: History) -> None:
    """Keep what a model was making when the studio was killed."""
    draft = history.draft
    if draft is None:
        return
    if not draft.notes:
        history.drop_draft()
        return
    change = _change(history, draft.notes, draft.gone, draft.passage)
    _added(history, change, {**draft.passage, "how": "stopped"}, None)


def _change(
    history: History, notes: Iterable[MadeNote], gone: Iterable[int], passage: Mapping[str, Any]
) -> Change:
    return settled(history.document, notes, gone, passage["id"], history.next_id)


def _added(
    history: History,
    change: Change,
    passage: dict[str, Any],
    made_with: Mapping[str, Any] | None,
) -> Change:
    if made_with is not None:
        passage["made_with"] = made_with
    history.add(change, passage["kind"], by=passage["id"], passage=passage)
    return change

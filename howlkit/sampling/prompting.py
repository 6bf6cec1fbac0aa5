"""What the rows of a session continue, and what they made after it.

Shapes: B rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError, PluginError
from howlkit.music.piece import FOREVER, Piece
from howlkit.network.batches import side_by_side
from howlkit.network.device import one_thread
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.checked import unwrapped
from howlkit.plugins.contracts import advice
from howlkit.sampling.decoding import check_allowed
from howlkit.sampling.limits import Limit, tick_of
from howlkit.sampling.placement import PromptEnd, new_rows, without_end_row
from howlkit.sampling.session_rows import SessionRows
from howlkit.schema import START, Steps

__all__ = ["decoded", "feed", "made", "nats_of", "prompt"]


def feed(rows: SessionRows, steps: Iterable[Steps], *, made: bool) -> None:
    """Append given steps, one array a row, as `Session.feed`."""
    table, lengths = _table(rows, steps)
    rows.take_all(table, lengths, fed=np.zeros_like(lengths) if made else lengths)


def nats_of(rows: SessionRows, steps: Iterable[Steps]) -> NDArray[np.float64]:
    """Return (B, T): what given steps would cost if they came next, as `Session.nats_of`."""
    table, lengths = _table(rows, steps)
    grammar = rows.at.grammar.select(np.arange(rows.rows))
    state, hidden, nats = rows.at.state, rows.at.hidden, np.zeros(table.shape)
    with one_thread(rows.rows):
        for t in range(table.shape[1]):
            step, going = table[:, t].copy(), lengths > t
            grammar.push(step, going)
            for field in rows.schema.derived:
                step[field.name][going] = grammar.derived(field)[going]
            nats[:, t] = rows.runner.nats(hidden, step, going)
            state, hidden = rows.runner.read(step[:, None], state, hidden, going.astype(np.int64))
    return nats


def _table(rows: SessionRows, steps: Iterable[Steps]) -> tuple[Steps, NDArray[np.int64]]:
    """Return steps, one array a row, as (B, T), and how many count in each row.

    Raises HowlkitError if the grammar does not allow them.
    """
    given = [_without_start(row) for row in steps]
    if len(given) != rows.rows:
        raise HowlkitError(f"{len(given)} rows fed to a session of {rows.rows}; give one each")
    columns, lengths = side_by_side(rows.schema, given)
    table = np.zeros((rows.rows, int(lengths.max(initial=0))), rows.schema.dtype)
    for name, column in columns.items():
        table[name] = column
    check_allowed(rows.encoder, rows.at.grammar, rows.at.ended, table, lengths)
    return table, lengths


def prompt(rows: SessionRows, pieces: Piece | Sequence[Piece]) -> None:
    """Feed a piece, without its end, so that the next steps continue it, as `Session.prompt`."""
    pieces = [pieces] * rows.rows if isinstance(pieces, Piece) else list(pieces)
    if len(pieces) != rows.rows:
        raise HowlkitError(
            f"{len(pieces)} pieces for {rows.rows} rows; give one for all, or one each"
        )
    if (rows.at.lengths > 1).any():
        raise HowlkitError(
            "a prompt is a beginning, and this session has "
            f"{rows.at.longest - 1} steps already. rewind(1) takes them back; "
            "Piece.then makes one prompt of two; feed(steps) adds steps where the rows stand"
        )
    given = {id(piece): _on_its_own(piece) for piece in pieces}
    steps = {key: without_end_row(rows.encoder.encode(piece)) for key, piece in given.items()}
    ends = {key: PromptEnd.of(rows.encoder, given[key], steps[key]) for key in given}
    before = rows.at, rows.history, rows.prompts
    try:
        rows.continue_after([ends[id(piece)] for piece in pieces])
        feed(rows, [steps[id(piece)] for piece in pieces], made=False)
    except Exception:
        rows.at, rows.history, rows.prompts = before
        raise


def decoded(rows: SessionRows, row: int) -> Piece:
    """Return the music of one row so far, as the encoder decodes its steps.

    Raises PluginError if the encoder decodes fewer notes than its grammar has counted.
    """
    steps = rows.steps_of(row)
    piece = rows.encoder.decode(steps, like=rows.like)
    if len(piece) < (counted := int(rows.at.notes[row])):
        raise PluginError(
            f"{owner_of(unwrapped(rows.encoder))}: decode returned {len(piece)} notes for "
            f"{len(steps)} steps, in which its grammar counted {counted} notes or more"
            f"{advice(rows.encoder)}"
        )
    return piece


def made(rows: SessionRows, row: int, limit: Limit) -> Piece:
    """Return the music that one row has made, up to the limit and without what was fed.

    It stands on the time line of the row's prompt, as `Session.made` says.
    """
    whole, at, steps = decoded(rows, row), rows.at, rows.steps_of(row)
    fed = rows.encoder.decode(steps[: at.fed[row]], like=rows.like)
    fed = fed.at_resolution(whole.ticks_per_beat)
    music = whole.replace(
        notes=whole.notes[new_rows(whole.notes, fed.notes, ("start", "program", "pitch"))],
        pedals=whole.pedals[new_rows(whole.pedals, fed.pedals, ("start", "track"))],
    )
    end = rows.prompts[row]
    if end is not None:
        since = int(rows.encoder.ticks(steps, like=rows.like)[at.fed[row] - 1])
        music = end.continued(music, float(at.moved[row]), since=since, maps=_own_maps(rows.like))
    if not np.isnan(at.origin[row]):
        stop = tick_of(limit, at, row, rows.timeline, music)
        music = music.replace(notes=music.notes[music.notes["start"] < stop])
    return music


def _own_maps(like: Piece | None) -> tuple[str, ...]:
    """Return the tables of decoded music that come from its steps, not from `like`."""
    if like is None:
        return "tempos", "time_signatures", "key_signatures"
    return () if len(like.time_signatures) else ("time_signatures",)


def _without_start(steps: Steps) -> Steps:
    return steps[1:] if len(steps) and steps["mark"][0] == START else steps


def _on_its_own(piece: Piece) -> Piece:
    """Return an excerpt as a piece with a start, at the ticks that it has.

    A rest after its last note, up to where the music goes on, is no part of it.
    """
    if not piece.has_start or piece.context:
        piece = piece.replace(notes=piece.notes[piece.context :], context=0, has_start=True)
    if piece.until < FOREVER and piece.until >= piece.held.max(initial=0):
        piece = piece.replace(until=FOREVER)
    return piece

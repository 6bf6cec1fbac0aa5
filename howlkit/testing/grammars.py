"""The laws of an encoder's grammar, and of `decode` and `ticks`, which must agree with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.plugins.checked_grammar import derived_step_mask
from howlkit.protocols import DerivingGrammar, Encoder, Grammar, StepMask, StepMaskGrammar
from howlkit.sampling.decoding import accepts
from howlkit.schema import START, STEP, Schema, Steps
from howlkit.testing.checks import given, require
from howlkit.testing.pieces import chord, metres, pieces, scatter
from howlkit.testing.walks import Walk, answers, step_text, walk

__all__ = [
    "check_counts",
    "check_pushing",
    "decode_equals_pushing",
    "derived_fields_follow",
    "grammar_allows_what_encode_gives",
    "step_mask_says_what_allowed_does",
    "pushed_steps",
    "require_allowed",
    "rows_are_independent",
]

ONE = np.array([True])


def grammar_allows_what_encode_gives(encoder: Encoder) -> None:
    """The grammar allows every choice in the steps that `encode` returns, the end included."""
    for piece in (*pieces(), chord(), scatter(6, 300)):
        with given(piece.name):
            require_allowed(encoder, encoder.encode(piece), piece)


def require_allowed(encoder: Encoder, steps: Steps, like: Piece | None) -> None:
    """Raise CheckFailed unless the grammar allows every choice in `steps`."""
    schema, grammar = encoder.schema, encoder.grammar(1, like=like)
    for number, row in enumerate(steps[1:], 1):
        step = row[None]
        for field in schema.decisions:
            if schema.active(field, step)[0]:
                require(
                    accepts(grammar, field, step)[0],
                    expected=f"step {number} to be allowed: {step_text(schema, row)}",
                    got=f"`allowed` refuses its {field.name!r}",
                    look="`allowed`, or what `push` takes note of",
                )
        grammar.push(step, ONE)


def decode_equals_pushing(encoder: Encoder) -> None:
    """`decode` returns as many notes as `push` counted, at the positions of `ticks` and `now`."""
    for what, steps, like in pushed_steps(encoder):
        with given(what):
            check_pushing(encoder, steps, like)


def pushed_steps(encoder: Encoder) -> Iterator[tuple[str, Steps, Piece | None]]:
    """Yield a name for people, steps without an end row, and the piece that sets the metre."""
    for seed, like in ((10, None), (11, None), (12, metres(3)), (13, scatter(1))):
        name = f", like {like.name}" if like is not None else ""
        with given(f"seed {seed}{name}"):
            made = walk(encoder, seed, like=like)
        for row, steps in enumerate(made.rows):
            yield f"{made}, row {row}{name}", steps[:-1], like
    for piece in pieces():
        with given(piece.name):
            steps = encoder.encode(piece)[:-1]
        yield piece.name, steps, piece


def check_pushing(encoder: Encoder, steps: Steps, like: Piece | None) -> None:
    """Raise CheckFailed unless `decode` and `push` agree on `steps`, which have no end row."""
    piece, ticks = check_counts(encoder, steps, like)
    strays = np.setdiff1d(piece.notes["start"], ticks)
    require(
        not len(strays),
        expected="every note of `decode` to begin at the tick of a step",
        got=f"one at {strays[:1].tolist()}, where no step stands",
        look="`ticks`",
    )


def check_counts(
    encoder: Encoder, steps: Steps, like: Piece | None
) -> tuple[Piece, NDArray[np.int64]]:
    """Return the music of steps without an end row, and their ticks.

    Raises CheckFailed unless `push` counts as many notes as `decode` returns, and `now` is at the
    positions that `ticks` returns.
    """
    grammar, n = encoder.grammar(1, like=like), len(steps)
    begun, now = np.zeros(n, np.int64), np.zeros(n)
    now[0] = grammar.now[0]
    for t in range(1, n):
        begun[t], now[t] = grammar.push(steps[t : t + 1], ONE)[0], grammar.now[0]
    for stop in sorted({min(2, n), (n + 1) // 2, n}):
        piece = encoder.decode(steps[:stop], like=like)
        require(
            len(piece) == begun[:stop].sum(),
            expected=f"{begun[:stop].sum()} notes of the first {stop} rows, as `push` counted",
            got=f"{len(piece)} from `decode`",
            look="what `push` returns, or notes that `decode` drops or merges",
        )
    ticks = np.asarray(encoder.ticks(steps, like=like))
    require(
        len(ticks) == n and bool((np.diff(ticks) >= 0).all()),
        expected=f"{n} ticks that never fall",
        got=f"{len(ticks)}: {ticks[:8].tolist()} ..",
        look="`ticks`",
    )
    _check_now(encoder, piece, ticks, now)
    return piece, ticks


def _check_now(
    encoder: Encoder, piece: Piece, ticks: NDArray[np.int64], now: NDArray[np.float64]
) -> None:
    """Check that `now` (T,), in beats or seconds, and `ticks` (T,) are the same positions."""
    if encoder.schema.clock == "beats":
        stands, unit = ticks / piece.ticks_per_beat, np.full(len(ticks), 1 / piece.ticks_per_beat)
    else:
        stands = piece.seconds(ticks)
        unit = np.maximum(piece.seconds(ticks + 1) - stands, 1e-6)
    wrong = np.flatnonzero(np.abs(stands - now) > 0.501 * unit + 1e-9 * np.abs(now))
    require(
        not len(wrong),
        expected=f"`now` = {stands[wrong[:1]].tolist()} {encoder.schema.clock} after row "
        f"{wrong[:1].tolist()}, as `ticks` says",
        got=f"{now[wrong[:1]].tolist()}",
        look="`push` and `now`, and that start, `decode` and `ticks` count from the same place",
    )


def derived_fields_follow(encoder: Encoder) -> None:
    """`encode` fills derived fields with what the grammar derives, so without the future."""
    schema = encoder.schema
    if not schema.derived:
        return
    for piece in (*pieces(), scatter(6, 300)):
        with given(piece.name):
            grammar = encoder.grammar(1, like=piece)
            for number, row in enumerate(encoder.encode(piece)[:-1]):
                if number:
                    grammar.push(row[None], ONE)
                for field in schema.derived:
                    wanted = int(cast(DerivingGrammar, grammar).derived(field)[0])
                    require(
                        int(row[field.name]) == wanted,
                        expected=f"{field.name}={wanted} in row {number}, as the grammar derives",
                        got=f"{row[field.name]} from `encode`",
                        look="whether `encode` looks further than this row, or fills it in at all",
                    )


def step_mask_says_what_allowed_does(encoder: Encoder) -> None:
    """`step_mask`, if the grammar has one, allows the same values as `allowed` field by field."""
    if _step_mask(encoder.schema, encoder.grammar(1)) is None:
        return
    for seed in range(20, 24):
        made = walk(encoder, seed)
        for number, steps in enumerate(made.rows):
            with given(f"{made}, row {number}"):
                grammar = encoder.grammar(1)
                for row in steps[1:120]:
                    _check_step_mask(encoder.schema, grammar, row[None])
                    grammar.push(row[None], ONE)


def _check_step_mask(schema: Schema, grammar: Grammar, step: Steps) -> None:
    """Compare `step_mask` and `allowed` at each field of an allowed step (1,)."""
    step_mask = _step_mask(schema, grammar)
    if step_mask is None:
        return
    begins = np.cumsum([0, *(field.choices for field in schema.decisions)])
    given_so_far, tied = schema.steps(1), True
    for k, field in enumerate(schema.decisions):
        if field.kind == "bits":  # decided choice by choice, and nothing is foreseen
            return
        value = step[field.name]
        if schema.active(field, step)[0]:
            allowed = grammar.allowed(field, given_so_far)[0]
            said = step_mask.allowed[0, begins[k] : begins[k + 1]].copy()
            said &= np.arange(field.n) >= (step_mask.least[0, k] if tied else 0)
            if field.name == "mark":
                allowed, said = (mask & (np.arange(field.n) != START) for mask in (allowed, said))
            require(
                np.array_equal(said, allowed),
                expected=f"{field.name!r} to be in {np.flatnonzero(allowed)[:8].tolist()} .., as "
                f"`allowed` says, given {step_text(schema, given_so_far[0])}",
                got=f"{np.flatnonzero(said)[:8].tolist()} .. from `step_mask`",
                look="`step_mask`, or return None where this cannot be said in advance",
            )
            given_so_far[field.name] = value
        tied = tied and bool(given_so_far[field.name][0] == step_mask.least[0, k])


def _step_mask(schema: Schema, grammar: Grammar) -> StepMask | None:
    """Return the step mask of a grammar of one row, as the core has it."""
    if hasattr(grammar, "step_mask"):
        return cast(StepMaskGrammar, grammar).step_mask()
    return derived_step_mask(grammar, schema, 1)


def rows_are_independent(encoder: Encoder) -> None:
    """`select` copies: a row goes on as it would alone, whatever is pushed in other rows."""
    for seed in range(4):
        with given(f"seed {seed}"):
            made = walk(encoder, 20 + seed, length=24)
        with given(str(made)):
            _check_rows(encoder, made)


def _check_rows(encoder: Encoder, made: Walk) -> None:
    schema, three = encoder.schema, np.ones(3, bool)
    rows = [row for row in made.rows if len(row) > 4]
    if not rows:
        return
    rows = [rows[i % len(rows)] for i in range(3)]
    half = min(len(row) for row in rows) // 2
    table = np.stack([row[: half + 2] for row in rows])  # (3, half + 2)
    grammar, order = encoder.grammar(3), np.array([2, 0, 2])
    for t in range(1, half):
        grammar.push(table[:, t].copy(), three)
    copied = grammar.select(order)

    shares = "what `select` shares: copy every array, not a view of it"
    is_step = table["mark"][:, half] == STEP
    grammar.push(table[:, half].copy(), is_step)  # the copy must not see it
    said = answers(schema, copied, table[order, half])
    for row, of in enumerate(order.tolist()):
        _require_as_alone(encoder, said, row, table[of, : half + 1], shares)
    moved = is_step[order] & np.array([True, True, False])
    copied.push(table[order, half].copy(), moved)  # nor the origin this
    said = answers(schema, grammar, table[:, half + 1])
    for row in np.flatnonzero(is_step).tolist():
        _require_as_alone(encoder, said, row, table[row], shares)
    said = answers(schema, copied, table[order, half])
    moves = "`push`: only the rows marked True move on"
    _require_as_alone(encoder, said, 2, table[2, : half + 1], moves)


def _require_as_alone(
    encoder: Encoder, said: dict[str, NDArray[Any]], row: int, steps: Steps, look: str
) -> None:
    """Check that a row answers for the last of `steps` as a grammar that was fed this row alone."""
    grammar = encoder.grammar(1)
    for t in range(1, len(steps) - 1):
        grammar.push(steps[t : t + 1].copy(), ONE)
    for name, wanted in answers(encoder.schema, grammar, steps[-1:]).items():
        require(
            np.array_equal(said[name][row], wanted[0]),
            expected=f"row {row} to answer {name} as it does alone, after {len(steps) - 2} steps",
            got="another answer",
            look=look,
        )

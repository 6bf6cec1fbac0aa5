"""A session: the state of a piece being made, for B rows side by side, and the loop over a step.

A session owns the network's state, the steps so far and the encoder's grammar; a sampler sees
nothing else. Its surface is numpy. The cost of a step does not grow with what was made before.
Sessions can be fed (a prompt), forked, rewound, and cut down to some of their rows.

Randomness: one generator a row, one uniform a decision, inverse CDF. Row r of seed s draws from
numpy's default_rng([s, r]); the same seed, options and number of rows give the same steps.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.heads import Network
from howlkit.piece import Piece
from howlkit.protocols import Encoder, Grammar
from howlkit.schema import END, MARK, START, Field, Steps
from howlkit.shaping import Shaping, choose
from howlkit.windows import side_by_side

__all__ = ["Limit", "Session"]

KEEP_EVERY = 256
"""Steps between the states that `rewind` can go back to; the steps in between are replayed."""

KEEP_AT_MOST = 64
"""At most so many of them; then every other one is dropped, and they stand twice as far apart."""

FEED_AT_ONCE = 1024  # steps of a prompt in one pass: bounds memory, not the prompt

LogitsFunction = Callable[[Field, NDArray[np.float64], Steps], NDArray[np.float64]]


@dataclass(frozen=True)
class Limit:
    """Where a row is done, whatever comes first; None: no such limit.

    notes: so many notes, those of the prompt not counted. seconds, beats: the position in the piece
    of the last onset, prompt included. ends: also at the model's own end of the piece (if not, the
    model is not allowed to end it).
    """

    notes: int | None = None
    seconds: float | None = None
    beats: float | None = None
    ends: bool = True


@dataclass
class _Kept:
    """What `rewind` goes back to."""

    lengths: NDArray[np.int64]
    state: dict[str, torch.Tensor]
    hidden: torch.Tensor
    grammar: Grammar
    notes: NDArray[np.int64]
    fed: NDArray[np.int64]
    ended: NDArray[np.bool_]


class Session:
    """B rows of music in the making.

    network, encoder: of one trained model. rows: B. seed: of the rows' generators.
    limit: when a row is done. like: the piece whose tempo map and resolution the music takes over.

    Attributes: steps (B, T) a view of all steps so far, the start row first; lengths (B,) how many
    of them count in each row; notes (B,) how many notes were made (not fed); done (B,).
    """

    def __init__(
        self,
        network: Network,
        encoder: Encoder,
        *,
        rows: int = 1,
        seed: int = 0,
        limit: Limit = Limit(),
        like: Piece | None = None,
    ) -> None:
        if rows < 1:
            raise HowlkitError(f"a session of {rows} rows; at least 1 is needed")
        self.network = network.eval()
        self.encoder = encoder
        self.limit = limit
        self.like = like
        self.rngs = [np.random.default_rng([seed, row]) for row in range(rows)]
        self._device = next(network.parameters()).device
        self._schema = encoder.schema
        self._grammar = encoder.grammar(rows)
        self._steps = np.zeros((rows, 64), self._schema.dtype)
        self.lengths = np.ones(rows, np.int64)
        self.notes = np.zeros(rows, np.int64)
        self._fed = np.ones(rows, np.int64)  # steps of each row that were not made here
        self._ended = np.zeros(rows, bool)
        self._steps["mark"][:, 0] = START
        self._state, self._hidden = self._advance(self._steps[:, :1], None, None)
        self._kept = [self._keep()]
        self._keep_every = KEEP_EVERY

    # What it is now -----------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """B, the number of rows."""
        return len(self.lengths)

    @property
    def steps(self) -> Steps:
        """(B, T): every row's steps so far; row r counts up to lengths[r]."""
        return self._steps[:, : int(self.lengths.max())]

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): where each row stands, in the encoder's clock (beats or seconds)."""
        return self._grammar.now

    @property
    def done(self) -> NDArray[np.bool_]:
        """(B,): which rows have ended or reached the limit."""
        limit, done = self.limit, self._ended.copy()
        if limit.notes is not None:
            done |= self.notes >= limit.notes
        if limit.seconds is not None:
            done |= self.seconds >= limit.seconds
        if limit.beats is not None:
            done |= self.beats >= limit.beats
        return done

    @property
    def clock(self) -> str:
        """What the encoder counts time in: "beats" or "seconds"."""
        return self._schema.clock

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(B,): the seconds from the piece's start to each row's last onset."""
        if self._schema.clock == "seconds":
            return self.now
        like = self.like if self.like is not None else Piece()
        return like.seconds(np.rint(self.now * like.ticks_per_beat))

    @property
    def beats(self) -> NDArray[np.float64]:
        """(B,): the beats from the piece's start to each row's last onset."""
        if self._schema.clock == "beats":
            return self.now
        like = self.like if self.like is not None else Piece()
        return np.asarray(like.ticks(self.now) / like.ticks_per_beat)

    def piece(self, row: int = 0) -> Piece:
        """Return the music of one row so far."""
        return self.encoder.decode(self._steps[row, : self.lengths[row]], like=self.like)

    def made(self, row: int = 0) -> Piece:
        """Return the music of one row without what was fed: a continuation without its prompt."""
        whole = self.piece(row)
        fed = self.encoder.decode(self._steps[row, : self._fed[row]], like=self.like)
        return whole.replace(notes=whole.notes[len(fed) :])

    # What it can do -----------------------------------------------------------------------------

    def step(
        self,
        shaping: Shaping = Shaping(),
        *,
        functions: Sequence[LogitsFunction] = (),
    ) -> Steps:
        """Decide one step for every row that is not done, and return it (B,).

        shaping: how logits become probabilities. functions: each is called as f(field, logits,
        given) with float64 logits (B, n) and the fields decided so far (B,), and returns the logits
        to use; they cannot allow what the grammar forbids. Rows that are done come back as END.
        """
        going = ~self.done
        step = np.zeros(self.rows, self._schema.dtype)
        step["mark"] = END
        uniforms = self._uniforms(going)
        given = {f.name: torch.zeros(self.rows, dtype=torch.int64) for f in self._schema.decisions}
        given = {name: column.to(self._device) for name, column in given.items()}
        for k, field in enumerate(self._schema.decisions):
            active = going & self._schema.active(field, step)
            if not active.any():
                continue
            allowed = self._allowed(field, step, active)
            logits = self._logits(field, given)
            for function in functions:
                logits = function(field, logits, step)
            value = choose(logits, allowed, uniforms[:, k], shaping.of(field.name))
            step[field.name][active] = value[active]
            given[field.name].copy_(torch.from_numpy(step[field.name].astype(np.int64)))
        self._take(step[:, None], going.astype(np.int64), made=True)
        return step

    def _uniforms(self, going: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return (B, K) numbers in [0, 1); rows that are done draw nothing."""
        drawn = np.zeros((self.rows, len(self._schema.decisions)))
        for row in np.flatnonzero(going):
            drawn[row] = self.rngs[row].random(drawn.shape[1])
        return drawn

    def _allowed(self, field: Field, given: Steps, active: NDArray[np.bool_]) -> NDArray[np.bool_]:
        allowed = self._grammar.allowed(field, given)
        if field is MARK and not self.limit.ends:
            # Not to end is an extra wish: where the grammar wants an end, it gets one.
            wanted = allowed.copy()
            wanted[:, END] = False
            allowed = np.where(wanted.any(axis=1, keepdims=True), wanted, allowed)
        if not allowed[active].any(axis=1).all():
            raise HowlkitError(
                f"encoder {self.encoder.name!r} allows no value at all for {field.name!r}; "
                "this is a fault of the encoder's grammar"
            )
        allowed[~active] = True
        return allowed

    def _logits(self, field: Field, given: dict[str, torch.Tensor]) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = self.network.logits(self._hidden, field, given)
        return np.asarray(logits.double().cpu().numpy())

    def feed(self, steps: Iterable[Steps]) -> None:
        """Take in given steps, one array a row, as if they had just been decided.

        A start row at their beginning is passed over if the session is still at the start. Raises
        HowlkitError if a step is not one that the grammar allows, or follows an end.
        """
        rows = [_without_start(row) for row in steps]
        if len(rows) != self.rows:
            raise HowlkitError(f"{len(rows)} rows fed to a session of {self.rows}; give one each")
        columns, lengths = side_by_side(self._schema, rows)
        table = np.zeros((self.rows, int(lengths.max(initial=0))), self._schema.dtype)
        for name, column in columns.items():
            table[name] = column
        for begin in range(0, table.shape[1], FEED_AT_ONCE):
            some = table[:, begin : begin + FEED_AT_ONCE]
            self._take(some, np.clip(lengths - begin, 0, some.shape[1]), made=False)

    def prompt(self, pieces: Sequence[Piece]) -> None:
        """Feed one piece a row, without its end: what is made next goes on from there."""
        rows = [self.encoder.encode(piece) for piece in pieces]
        self.feed([row[row["mark"] != END] for row in rows])

    def select(self, rows: Sequence[int] | NDArray[np.intp]) -> None:
        """Keep these rows, in this order; one named twice goes on as two, with equal generators."""
        index = np.asarray(rows, np.intp)
        self._grammar = self._grammar.select(index)
        self._kept = [_select(kept, index) for kept in self._kept]
        self._state = _rows_of(self._state, index)
        self._hidden = self._hidden[torch.from_numpy(index).to(self._device)]
        self._steps = self._steps[index]
        for name in ("lengths", "notes", "_fed", "_ended"):
            setattr(self, name, getattr(self, name)[index])
        self.rngs = [copy.deepcopy(self.rngs[row]) for row in index]

    def fork(self) -> Session:
        """Return an independent copy, generators included: both would go on alike."""
        twin = copy.copy(self)
        twin.select(np.arange(self.rows))
        return twin

    def rewind(self, lengths: int | Sequence[int] | NDArray[np.int64]) -> None:
        """Go back to when each row had so many steps (the start row counts as one).

        The generators are not rewound: going on from here gives something new. Costs a replay of at
        most KEEP_EVERY steps, or a 32nd of the whole if that is more. Raises HowlkitError for a
        length below 1 or above the present one.
        """
        target = np.broadcast_to(np.asarray(lengths, np.int64), self.lengths.shape)
        if (target < 1).any() or (target > self.lengths).any():
            raise HowlkitError(
                f"cannot rewind to {target.tolist()} steps; 1..{self.lengths.tolist()} are allowed"
            )
        while (self._kept[-1].lengths > target).any():
            self._kept.pop()
        kept = self._kept[-1]
        steps, made = self._steps.copy(), self._fed
        self._restore(kept)
        span = int((target - kept.lengths).max(initial=0))
        for offset in range(span):  # step by step, so that what was made is told from what was fed
            at = kept.lengths + offset
            going = (at < target).astype(np.int64)
            index = np.minimum(at, steps.shape[1] - 1)[:, None]
            self._take(np.take_along_axis(steps, index, 1), going, made=at >= made)
        self._fed = np.minimum(made, target)

    # How it does it -----------------------------------------------------------------------------

    def _take(
        self, steps: Steps, lengths: NDArray[np.int64], *, made: bool | NDArray[np.bool_]
    ) -> None:
        """Go on by steps (B, T), of which lengths (B,) count in each row."""
        self._room_for(int((self.lengths + lengths).max()))
        for t in range(steps.shape[1]):
            rows = lengths > t
            self._check_fed(steps[:, t], rows & ~np.asarray(made))
            begun = self._grammar.push(steps[:, t], rows)
            self.notes += np.where(made, begun, 0)
            self._steps[rows, self.lengths[rows] + t] = steps[rows, t]
            self._ended |= rows & (steps["mark"][:, t] == END)
        frozen = None if (lengths == steps.shape[1]).all() else lengths
        self._state, hidden = self._advance(steps, self._state, frozen)
        moved = torch.from_numpy(lengths > 0).to(self._device)
        self._hidden = torch.where(moved[:, None], hidden, self._hidden)
        self.lengths = self.lengths + lengths
        self._fed = np.where(made, self._fed, self.lengths)
        if self.lengths.max() - self._kept[-1].lengths.max() >= self._keep_every:
            self._kept.append(self._keep())
        if len(self._kept) > KEEP_AT_MOST:
            self._kept, self._keep_every = self._kept[::2], 2 * self._keep_every

    def _check_fed(self, step: Steps, rows: NDArray[np.bool_]) -> None:
        """Refuse a step that was not made here and that the grammar does not allow."""
        if not rows.any():
            return
        if (rows & self._ended).any():
            raise HowlkitError("steps were fed after the end of the piece; rewind first")
        for field in self._schema.decisions:
            active = rows & self._schema.active(field, step)
            allowed = self._grammar.allowed(field, step)
            value = np.minimum(step[field.name], field.n - 1).astype(np.intp)
            wrong = active & ~allowed[np.arange(self.rows), value]
            if wrong.any() or (step[field.name] >= field.n).any():
                row = int(np.flatnonzero(wrong)[0]) if wrong.any() else 0
                raise HowlkitError(
                    f"row {row}: {field.name}={int(step[field.name][row])} is not allowed here by "
                    f"encoder {self.encoder.name!r}; feed what its `encode` returned"
                )

    def _advance(
        self, steps: Steps, state: dict[str, torch.Tensor] | None, lengths: NDArray[np.int64] | None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Run the network over steps (B, T); return the state, and hidden (B, D) after each row."""
        batch = {
            name: torch.from_numpy(steps[name].astype(np.int64)).to(self._device)
            for name in steps.dtype.names or ()
        }
        counted = None if lengths is None else torch.from_numpy(lengths).to(self._device)
        with torch.inference_mode():
            hidden, state = self.network.advance(batch, state, counted)
            if counted is None:
                return state, hidden[:, -1]
            last = (counted - 1).clamp(min=0)
            return state, hidden[torch.arange(len(last), device=self._device), last]

    def _room_for(self, length: int) -> None:
        have = self._steps.shape[1]
        if length > have:  # doubling: the copies cost a constant a step in all
            more = np.zeros((self.rows, max(length, 2 * have) - have), self._schema.dtype)
            self._steps = np.concatenate((self._steps, more), axis=1)

    def _keep(self) -> _Kept:
        return _Kept(
            self.lengths.copy(),
            {name: part.clone() for name, part in self._state.items()},
            self._hidden.clone(),
            self._grammar.select(np.arange(self.rows)),
            self.notes.copy(),
            self._fed.copy(),
            self._ended.copy(),
        )

    def _restore(self, kept: _Kept) -> None:
        everything = np.arange(self.rows)
        self.lengths = kept.lengths.copy()
        self._state = {name: part.clone() for name, part in kept.state.items()}
        self._hidden = kept.hidden.clone()
        self._grammar = kept.grammar.select(everything)
        self.notes, self._fed = kept.notes.copy(), kept.fed.copy()
        self._ended = kept.ended.copy()


def _without_start(steps: Steps) -> Steps:
    return steps[1:] if len(steps) and steps["mark"][0] == START else steps


def _rows_of(state: dict[str, torch.Tensor], index: NDArray[np.intp]) -> dict[str, torch.Tensor]:
    return {name: part[torch.from_numpy(index).to(part.device)] for name, part in state.items()}


def _select(kept: _Kept, index: NDArray[np.intp]) -> _Kept:
    rows = torch.from_numpy(index).to(kept.hidden.device)
    return _Kept(
        kept.lengths[index],
        _rows_of(kept.state, index),
        kept.hidden[rows],
        kept.grammar.select(index),
        kept.notes[index],
        kept.fed[index],
        kept.ended[index],
    )

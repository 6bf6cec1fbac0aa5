"""A session: the state of a piece being made, for B rows side by side, and the loop over a step.

A session owns the network's state, the steps so far and the encoder's grammar; a sampler sees
nothing else. Its surface is numpy. The cost of a step does not grow with what was made before.
Sessions can be fed (a prompt), forked, rewound, and cut down to some of their rows.

Randomness: one generator a row, one uniform a decision, inverse CDF. Row r of seed s draws from
numpy's default_rng([s, r]); the same seed, options and number of rows give the same steps.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError, OptionError, did_you_mean
from howlkit.music.piece import Piece
from howlkit.network.batches import side_by_side
from howlkit.plugins.checked import CheckedEncoder
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.protocols import Encoder, LogitsFunction, StepMask
from howlkit.sampling.decoding import FieldwiseDecoder, check_allowed, without_end
from howlkit.sampling.history import History
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.runner import Runner
from howlkit.sampling.state import RowState
from howlkit.schema import END, END_ARRAY, START, Steps

__all__ = ["Limit", "Session"]

FEED_AT_ONCE = 1024  # steps of a prompt in one pass: bounds memory, not the prompt


@dataclass(frozen=True)
class Limit:
    """How much a row is to make, whatever comes first; None: no such limit.

    notes: so many notes. seconds, beats: until a note begins so far from where the row's own music
    begins: where what was fed ends, or else at the first note (in beats: of its bar of four). So
    neither a prompt nor a silence before the first note is counted. ends: also at the model's own
    end of the piece (if not, the model is not allowed to end it).
    """

    notes: int | None = None
    seconds: float | None = None
    beats: float | None = None
    ends: bool = True


class Session:
    """B rows of music in the making.

    runner: what runs the network (`runners.make_runner`), for this session alone. encoder: the one
    that the network was trained with. rows: B. seed: of the rows' generators.
    limit: how much each row makes. like: the piece whose tempo map and resolution it takes over.

    steps (B, T) is a view of all steps so far, the start row first, of which lengths (B,) count.
    """

    def __init__(
        self,
        runner: Runner,
        encoder: Encoder,
        *,
        rows: int = 1,
        seed: int = 0,
        limit: Limit = Limit(),
        like: Piece | None = None,
    ) -> None:
        if rows < 1:
            raise HowlkitError(f"a session of {rows} rows; at least 1 is needed")
        self.encoder = CheckedEncoder.of(encoder)
        self.limit = limit
        self.like = like
        self.rngs = [np.random.default_rng([seed, row]) for row in range(rows)]
        self._schema = self.encoder.schema
        self._runner = runner
        runner.prepare(rows)
        self._fields = self._schema.decisions
        self._hold(self._schema.steps(64 * rows).reshape(rows, 64))
        self._steps["mark"][:, 0] = START
        grammar = self.encoder.grammar(rows, like=like)
        self._derive(grammar, self._steps[:, 0], np.ones(rows, bool))
        state, hidden = self._runner.start(self._steps[:, :1])
        self._at = RowState.start(grammar, rows, state, hidden)
        self._past = History(self._at)
        self._done: tuple[Limit, NDArray[np.bool_]] | None = None

    # What it is now -----------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """B, the number of rows."""
        return len(self._at.lengths)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(B,): how many steps each row has, the start row among them."""
        return self._at.lengths

    @property
    def notes(self) -> NDArray[np.int64]:
        """(B,): how many notes each row has made; what was fed is not counted."""
        return self._at.notes

    @property
    def steps(self) -> Steps:
        """(B, T): every row's steps so far; row r counts up to lengths[r]."""
        return self._steps[:, : int(self.lengths.max())]

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): where each row stands, in the encoder's clock (beats or seconds)."""
        return self._at.grammar.now

    @property
    def done(self) -> NDArray[np.bool_]:
        """(B,): which rows have ended or reached the limit."""
        if self._done is None or self._done[0] is not self.limit:
            self._done = self.limit, self._find_done()
        return self._done[1].copy()

    def _find_done(self) -> NDArray[np.bool_]:
        limit, done = self.limit, self._at.ended.copy()
        if limit.notes is not None:
            done |= self.notes >= limit.notes
        if limit.seconds is not None:
            done |= self.seconds - self._at.origin_seconds >= limit.seconds  # not where it is NaN
        if limit.beats is not None:
            begun = ~np.isnan(self._at.origin)
            origin = self._in_beats(np.where(begun, self._at.origin, 0.0))
            done |= begun & (self.beats - origin >= limit.beats)
        return done

    @property
    def stepping(self) -> str:
        """How the network is run: "plain" or "compiled"."""
        return self._runner.name

    @property
    def clock(self) -> str:
        """What the encoder counts time in: "beats" or "seconds"."""
        return self._schema.clock

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(B,): the seconds from the piece's start to each row's last onset."""
        return self._in_seconds(self.now)

    @property
    def beats(self) -> NDArray[np.float64]:
        """(B,): the beats from the piece's start to each row's last onset."""
        return self._in_beats(self.now)

    def _in_seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._schema.clock == "seconds":
            return clock
        if self.like is None:
            return self._at.grammar.seconds(clock)
        return self.like.seconds(np.rint(clock * self.like.ticks_per_beat))

    def _in_beats(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._schema.clock == "beats":
            return clock
        like = self.like if self.like is not None else Piece()
        return np.asarray(like.ticks(clock) / like.ticks_per_beat)

    def piece(self, row: int = 0) -> Piece:
        """Return the music of one row so far."""
        return self.encoder.decode(self._steps[row, : self.lengths[row]], like=self.like)

    def made(self, row: int = 0) -> Piece:
        """Return the music of one row as far as the limit goes, without what was fed.

        The step that crosses a limit in seconds or beats is decided before that is known; its notes
        are left out here.
        """
        whole = self.piece(row)
        fed = self.encoder.decode(self._steps[row, : self._at.fed[row]], like=self.like)
        notes = whole.notes[len(fed) :]
        if not np.isnan(self._at.origin[row]):
            notes = notes[notes["start"] < self._stop(row, whole)]
        return whole.replace(notes=notes)

    def _stop(self, row: int, piece: Piece) -> float:
        """Return the tick of `piece` at which the limit of a row lies; infinity without one."""
        origin, began, stops = self._at.origin[[row]], self._at.origin_seconds[[row]], [np.inf]
        if self.limit.seconds is not None:
            stops += piece.ticks(began + self.limit.seconds).tolist()
        if self.limit.beats is not None:
            stops += ((self._in_beats(origin) + self.limit.beats) * piece.ticks_per_beat).tolist()
        return min(stops)

    # What it can do -----------------------------------------------------------------------------

    def step(
        self,
        params: SamplingParams = SamplingParams(),
        *,
        functions: Sequence[LogitsFunction] = (),
    ) -> Steps:
        """Decide one step for every row that is not done, and return it (B,).

        params: how logits become probabilities; OptionError if it names a field that the encoder
        has not. functions: each is called as f(field, logits,
        given) with float64 logits (B, field.choices) and the fields decided so far (B,), and
        returns the logits to use, for bits at every choice of a bit; they cannot allow what the
        grammar forbids. Rows that are done come back as END.
        """
        self._check_fields(params)
        going = ~self.done
        step = self._schema.steps(self.rows)
        step["mark"] = END
        uniforms = self._uniforms(going)
        if functions or not self._runner.sample_step(
            self._at.hidden, step, going, self._step_mask, uniforms, params
        ):
            fields = FieldwiseDecoder(
                self._runner, self._at.grammar, self.encoder, self.rngs, ends=self.limit.ends
            )
            self._runner.begin(self._at.hidden)
            fields.decide(step, going, uniforms, params, functions)
        self._add(step, going)
        self._read(step[:, None], going.astype(np.int64))
        return step

    def _step_mask(self) -> StepMask | None:
        """Return what the whole next step may be; None if the grammar cannot say."""
        step_mask = self._at.grammar.step_mask()
        if step_mask is not None:
            step_mask.allowed[:, START] = False  # never predicted, whatever a grammar says
            if not self.limit.ends:
                without_end(step_mask.allowed)  # `mark` comes first
        return step_mask

    def _check_fields(self, params: SamplingParams) -> None:
        for name in params.fields:
            known = [field.name for field in self._fields]
            if name not in known:
                raise OptionError(
                    f"encoder {self.encoder.name!r} has no field {name!r} to shape."
                    f"{did_you_mean(name, known)} Its fields are {', '.join(known)}"
                )

    def _uniforms(self, going: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return (B, K) numbers in [0, 1); rows that are done draw nothing."""
        drawn = np.zeros((self.rows, len(self._fields)))
        for rng, row, draws in zip(self.rngs, drawn, going.tolist(), strict=True):
            if draws:
                rng.random(out=row)
        return drawn

    def feed(self, steps: Iterable[Steps], *, made: bool = False) -> None:
        """Take in given steps, one array a row, as if they had just been decided.

        made: they count as music made here, not as a prompt.

        A start row at their beginning is passed over. Raises HowlkitError if a step is not one that
        the grammar allows, or follows an end; the session is then as it was.
        """
        rows = [_without_start(row) for row in steps]
        if len(rows) != self.rows:
            raise HowlkitError(f"{len(rows)} rows fed to a session of {self.rows}; give one each")
        columns, lengths = side_by_side(self._schema, rows)
        table = np.zeros((self.rows, int(lengths.max(initial=0))), self._schema.dtype)
        for name, column in columns.items():
            table[name] = column
        check_allowed(self.encoder, self._at.grammar, self._at.ended, table, lengths)
        self._take_all(table, lengths, fed=np.zeros_like(lengths) if made else lengths)

    def prompt(self, pieces: Sequence[Piece]) -> None:
        """Feed one piece a row, without its end: what is made next goes on from there."""
        rows = [self.encoder.encode(piece) for piece in pieces]
        self.feed([row[row["mark"] != END] for row in rows])

    def select(self, rows: Sequence[int] | NDArray[np.intp]) -> None:
        """Keep these rows, in this order; one named twice goes on as two, with equal generators."""
        index = np.asarray(rows, np.intp)
        if not len(index) or (index < 0).any() or (index >= self.rows).any():
            raise HowlkitError(f"cannot select rows {index.tolist()} of 0..{self.rows - 1}")
        self._at = self._at.select(index)
        self._past = self._past.select(index)
        self._hold(self._steps[index])
        self._done = None
        self.rngs = [copy.deepcopy(self.rngs[row]) for row in index]

    def fork(self) -> Session:
        """Return an independent copy, generators included: both would go on alike."""
        twin = copy.copy(self)
        twin._runner = self._runner.twin()
        twin.select(np.arange(self.rows))
        return twin

    def rewind(self, lengths: int | Sequence[int] | NDArray[np.int64]) -> None:
        """Go back to when each row had so many steps (the start row counts as one).

        The generators are not rewound: going on from here gives something new. The network reads
        again what lies between here and the place kept last before (history.py): at most
        `past.KEEP_EVERY` steps of the row that goes back least far, or a 32nd of the whole if that
        is more, in one pass; more yet where states are so large that `past.KEEP_BYTES` holds few.
        Raises HowlkitError for a length below 1 or above the present one.
        """
        target = np.broadcast_to(np.asarray(lengths, np.int64), self.lengths.shape)
        if (target < 1).any() or (target > self.lengths).any():
            raise HowlkitError(
                f"cannot rewind to {target.tolist()} steps; 1..{self.lengths.tolist()} are allowed"
            )
        steps, fed = self._steps, self._at.fed
        self._at, self._done = self._past.back_to(target), None
        begin, again = self.lengths, target - self.lengths
        index = begin[:, None] + np.arange(int(again.max(initial=0)))
        steps = np.take_along_axis(steps, np.minimum(index, steps.shape[1] - 1), 1)
        self._take_all(steps, again, fed=np.clip(fed - begin, 0, again))

    # How it does it -----------------------------------------------------------------------------

    def _take_all(
        self, steps: Steps, lengths: NDArray[np.int64], *, fed: NDArray[np.int64]
    ) -> None:
        """Go on by steps (B, T) as `_take`, some at a time, so that memory is bounded."""
        for begin in range(0, steps.shape[1], FEED_AT_ONCE):
            some = steps[:, begin : begin + FEED_AT_ONCE]
            here, given = (np.clip(n - begin, 0, some.shape[1]) for n in (lengths, fed))
            self._take(some, here, fed=given)

    def _take(self, steps: Steps, lengths: NDArray[np.int64], *, fed: NDArray[np.int64]) -> None:
        """Go on by steps (B, T), of which lengths (B,) count in each row, the first `fed` fed.

        What is derived in them is filled in here.
        """
        for t in range(steps.shape[1]):
            rows = lengths > t
            self._add(steps[:, t], rows, fed=rows & (fed > t), behind=t)
        self._at.fed = np.where(fed > 0, self._at.lengths + fed, self._at.fed)
        self._read(steps, lengths)

    def _add(
        self,
        step: Steps,
        rows: NDArray[np.bool_],
        *,
        fed: NDArray[np.bool_] | None = None,
        behind: int = 0,
    ) -> None:
        """Go on by `step` (B,) in some rows, but for the network; what is derived is filled in.

        fed: (B,), in which of them it was fed, not made. behind: how many steps were added that the
        network has not read.
        """
        at, self._done = self._at, None
        begun = at.grammar.push(step, rows)
        self._derive(at.grammar, step, rows)
        begun = begun * (rows if fed is None else rows & ~fed)
        at.notes = at.notes + begun
        at.ended = at.ended | (rows & (step["mark"] == END_ARRAY))
        self._write(step, rows, behind)
        if fed is not None or not at.settled:
            self._find_origin(np.zeros_like(rows) if fed is None else fed, begun > 0)

    def _write(self, step: Steps, rows: NDArray[np.bool_], behind: int) -> None:
        """Write `step` (B,) behind the steps of the rows marked True."""
        lengths, new = self._at.lengths.tolist(), step.view(self._schema.row)
        self._room_for(max(lengths) + behind + 1)
        for row, (length, counts) in enumerate(zip(lengths, rows.tolist(), strict=True)):
            if counts:
                self._rows[row, length + behind] = new[row]

    def _read(self, steps: Steps, lengths: NDArray[np.int64]) -> None:
        """Let the network read steps (B, T) that were added, of which lengths (B,) count."""
        at = self._at
        at.state, at.hidden = self._runner.read(steps, at.state, at.hidden, lengths)
        at.lengths = at.lengths + lengths
        self._past.keep(at)

    def _derive(self, grammar: CheckedGrammar, step: Steps, rows: NDArray[np.bool_]) -> None:
        """Fill in what is derived in the rows of `step` (B,) that `grammar` took in last."""
        for field in self._schema.derived:
            step[field.name][rows] = grammar.derived(field)[rows]

    def _find_origin(self, fed: NDArray[np.bool_], begun: NDArray[np.bool_]) -> None:
        """Say where a row's own music begins: behind what was fed, or else at its first note."""
        at, now = self._at, self.now
        first = begun & np.isnan(at.origin)
        if fed.any() or first.any():
            bar = np.floor(now / 4) * 4 if self._schema.clock == "beats" else now
            at.origin = np.where(fed, now, np.where(first, bar, at.origin))
            found = fed | first
            seconds = self._in_seconds(np.where(found, at.origin, 0.0))
            at.origin_seconds = np.where(found, seconds, at.origin_seconds)
        at.settled = not np.isnan(at.origin).any()

    def _room_for(self, length: int) -> None:
        have = self._steps.shape[1]
        if length > have:  # doubling: the copies cost a constant a step in all
            more = np.zeros((self.rows, max(length, 2 * have) - have), self._schema.dtype)
            self._hold(np.concatenate((self._steps, more), axis=1))

    def _hold(self, steps: Steps) -> None:
        """Keep steps (B, T), and the same as rows of bytes, to write whole rows to."""
        self._steps, self._rows = steps, steps.view(self._schema.row)


def _without_start(steps: Steps) -> Steps:
    return steps[1:] if len(steps) and steps["mark"][0] == START else steps

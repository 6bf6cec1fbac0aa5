"""The rows of a session: their steps, the state that these lead to, and how steps are added.

A step that is added goes the same way whether it was decided, fed, or read again after going back:
the rules hear it, the grammar takes it in, derived fields are filled in, it is written behind the
others, and the network reads it.

Shapes: B rows, T steps.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import Heard
from howlkit.music.piece import Piece
from howlkit.network.device import one_thread
from howlkit.plugins.checked import CheckedEncoder
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.protocols import Rule
from howlkit.sampling.bars import bar_at, beats_a_bar
from howlkit.sampling.history import NEAR_EVERY, History
from howlkit.sampling.limits import Timeline
from howlkit.sampling.placement import PromptEnd
from howlkit.sampling.ruled import SessionRules
from howlkit.sampling.runner import Runner
from howlkit.sampling.state import RowState
from howlkit.schema import END, START, Steps

__all__ = ["SessionRows"]

FEED_AT_ONCE = 1024  # steps that the network reads in one pass; bounds memory

Mask = NDArray[np.bool_]
Lengths = NDArray[np.int64]


class SessionRows:
    """B rows of music in the making.

    runner, encoder, rows, seed, like, rules: as `Session` has them. at: the present state. history:
    some of the states before. prompts: what each row continues. rngs: a generator a row.
    """

    def __init__(
        self,
        runner: Runner,
        encoder: CheckedEncoder,
        *,
        rows: int,
        seed: int,
        like: Piece | None,
        rules: Sequence[Rule],
    ) -> None:
        self.runner, self.encoder, self.like, self.schema = runner, encoder, like, encoder.schema
        self.rngs = [np.random.default_rng([seed, row]) for row in range(rows)]
        self.timeline = Timeline(self.schema.clock, like)
        self._hold(self.schema.steps(64 * rows).reshape(rows, 64))
        self._steps["mark"][:, 0] = START
        grammar = encoder.grammar(rows, like=like)
        self._derive(grammar, self._steps[:, 0], np.ones(rows, bool))
        with one_thread(rows):
            state, hidden = runner.start(self._steps[:, :1])
        self.rules = SessionRules.of(rules, encoder, grammar, runner)
        alone = grammar.has_notes and grammar.alone
        heard = Heard.nothing(rows, alone=alone) if self.rules else None
        bar = beats_a_bar(like)
        self.at = RowState.start(grammar, rows, state, hidden, bar=bar, heard=heard)
        self.history = History(self.at)
        self.prompts: list[PromptEnd | None] = [None] * rows

    @property
    def rows(self) -> int:
        """B, the number of rows."""
        return len(self.rngs)

    @property
    def room(self) -> int:
        """A number of steps that no row exceeds."""
        return int(self._steps.shape[1])

    @property
    def steps(self) -> Steps:
        """(B, T): a view of every row's steps; in row r the first `at.lengths[r]` count."""
        return self._steps[:, : self.at.longest]

    @property
    def last_steps(self) -> Steps:
        """(B,): the last step of each row."""
        return self._steps[np.arange(self.rows), self.at.lengths - 1]

    @property
    def heard(self) -> Heard:
        """What the rows have heard; only where there are rules."""
        assert self.at.heard is not None  # for mypy
        return self.at.heard

    def steps_of(self, row: int) -> Steps:
        """Return the steps of one row, its start row first; a view."""
        return self._steps[row, : int(self.at.lengths[row])]

    def fed_of(self, row: int) -> int:
        """Return how many of the steps of one row were fed, its start row counted."""
        return max(int(self.at.fed[row]), 1)

    def select(
        self, index: NDArray[np.intp], another: Callable[[np.random.Generator], np.random.Generator]
    ) -> SessionRows:
        """Return an independent copy that holds the rows `index`, in this order.

        The first copy of a row has its generator; another: makes that of each further one.
        """
        chosen = copy.copy(self)
        chosen.at, chosen.history = self.at.select(index), self.history.select(index)
        chosen.prompts = [self.prompts[row] for row in index.tolist()]
        chosen._hold(self._steps[index])
        chosen.rngs, seen = [], set[int]()
        for row in index.tolist():
            chosen.rngs.append(another(self.rngs[row]) if row in seen else self.rngs[row])
            seen.add(row)
        return chosen

    # Where they stand ---------------------------------------------------------------------------

    def continue_after(self, prompts: list[PromptEnd | None]) -> None:
        """Set, before they are fed, the prompts that the music of the rows is to follow."""
        self.at = self.at.copy()
        self.at.moved = np.array([0.0 if end is None else end.ahead for end in prompts])
        self.at.waiting = np.array([end is not None and not end.kept for end in prompts])
        self._hear_moved()
        self.history, self.prompts = History(self.at), prompts

    def _move_on(self, rows: Mask) -> None:
        """Move rows whose first own note has just begun to where it follows the prompt."""
        at = self.at
        at.moved, at.waiting = at.moved.copy(), at.waiting & ~rows
        for row in np.flatnonzero(rows).tolist():
            if (prompt := self.prompts[row]) is not None:
                at.moved[row] += prompt.missing(float(at.now[row]))
        self._hear_moved()

    def _hear_moved(self) -> None:
        """Tell the rules how much later rows stand on the time lines of their prompts."""
        if self.rules is not None:
            self.heard.moved = np.rint(self.at.moved * self.rules.divisions).astype(np.int64)

    def _find_origin(self, fed: Mask, begun: Mask, behind: int) -> None:
        """Set where each row's own music begins: after what was fed, or at its first note.

        In beats it begins at the bar of that note. behind: as in `_add`.
        """
        at, now = self.at, self.at.now
        first = begun & np.isnan(at.origin)
        if fed.any() or first.any():
            begins = now.copy()
            if self.schema.clock == "beats":
                at.bar = at.bar.copy()
                for row in np.flatnonzero(first & ~fed).tolist():
                    steps = self._steps[row, : at.lengths[row] + behind + 1]
                    begins[row], at.bar[row] = bar_at(self.encoder, steps, self.like, now[row])
            at.origin = np.where(fed, self._behind_prompts(now), np.where(first, begins, at.origin))
            found = fed | first
            seconds = self.timeline.seconds(np.where(found, at.origin, 0.0), at.grammar)
            at.origin_seconds = np.where(found, seconds, at.origin_seconds)
        at.settled = not np.isnan(at.origin).any()

    def _behind_prompts(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions (B,), or where they are earlier the last onset of the row's prompt."""
        last = [-np.inf if prompt is None else prompt.last for prompt in self.prompts]
        return np.maximum(positions, last)

    # How steps are added ------------------------------------------------------------------------

    def take(self, step: Steps, rows: Mask) -> None:
        """Add a step (B,) that was decided, in some rows (B,); derived fields are filled in."""
        self._add(step, rows)
        self._read(step[:, None], rows.astype(np.int64))

    def take_all(
        self, steps: Steps, lengths: Lengths, *, fed: Lengths, unread: Mask | None = None
    ) -> None:
        """Add steps (B, T), of which lengths (B,) count in each row and the first `fed` were fed.

        unread: (B,) rows of which the network reads nothing, since its state is put in later. It
        reads a part of the steps at a time, so that memory is bounded.
        """
        for begin in range(0, steps.shape[1], FEED_AT_ONCE):
            some = steps[:, begin : begin + FEED_AT_ONCE]
            here, given = (np.clip(n - begin, 0, some.shape[1]) for n in (lengths, fed))
            with one_thread(self.rows):
                self._take_some(some, here, given, unread)

    def _take_some(self, steps: Steps, lengths: Lengths, fed: Lengths, unread: Mask | None) -> None:
        for t in range(steps.shape[1]):
            rows = lengths > t
            self._add(steps[:, t], rows, fed=rows & (fed > t), behind=t)
        self.at.fed = np.where(fed > 0, self.at.lengths + fed, self.at.fed)
        self._read(steps, lengths, unread=unread)
        if self.rules is not None and self.rules.decodes:
            self.rules.hear_decoded(self)

    def _add(self, step: Steps, rows: Mask, *, fed: Mask | None = None, behind: int = 0) -> None:
        """Add `step` (B,) to some rows and fill in its derived fields; the network reads it later.

        fed: (B,), in which rows the step was fed, not made. behind: how many steps were added
        before it that the network has not read yet.
        """
        at, made = self.at, rows if fed is None else rows & ~fed
        if self.rules is not None:
            self.rules.follow(at, step, rows, made)
        begun = at.grammar.push(step, rows)
        self._derive(at.grammar, step, rows)
        begun = begun * made
        if any(at.waiting.tolist()) and (first := at.waiting & (begun > 0)).any():
            self._move_on(first)
        at.notes = at.notes + begun
        if END in step["mark"].tolist():
            at.ended = at.ended | (rows & (step["mark"] == END))
        self._write(step, rows, behind)
        if fed is not None or not at.settled:
            self._find_origin(np.zeros_like(rows) if fed is None else fed, begun > 0, behind)

    def _derive(self, grammar: CheckedGrammar, step: Steps, rows: Mask) -> None:
        """Fill in the derived fields of `step` (B,) in the rows that `grammar` took in last."""
        for field in self.schema.derived:
            step[field.name][rows] = grammar.derived(field)[rows]

    def _write(self, step: Steps, rows: Mask, behind: int) -> None:
        """Write `step` (B,) after the last step of each row marked True."""
        lengths, new = self.at.lengths.tolist(), step.view(self.schema.row)
        self._make_room(max(lengths) + behind + 1)
        for row, (length, counts) in enumerate(zip(lengths, rows.tolist(), strict=True)):
            if counts:
                self._bytes[row, length + behind] = new[row]

    def _read(self, steps: Steps, lengths: Lengths, *, unread: Mask | None = None) -> None:
        """Let the network read added steps (B, T), of which lengths (B,) count.

        unread: (B,) rows of which it reads none; such a state is not kept to go back to.
        """
        at, read = self.at, lengths if unread is None else lengths * ~unread
        at.state, at.hidden = self.runner.read(steps, at.state, at.hidden, read)
        at.lengths = at.lengths + lengths
        if unread is None:
            self.history.keep(at)

    def _make_room(self, length: int) -> None:
        have = self.room
        if length > have:  # doubling: the copies cost a constant a step in all
            more = np.zeros((self.rows, max(length, 2 * have) - have), self.schema.dtype)
            self._hold(np.concatenate((self._steps, more), axis=1))

    def _hold(self, steps: Steps) -> None:
        """Keep steps (B, T), and a view of them as rows of bytes, which are written as a whole."""
        self._steps, self._bytes = steps, steps.view(self.schema.row)

    # How they go back ---------------------------------------------------------------------------

    def rewind(self, target: Lengths, *, often: bool = False) -> None:
        """Go back to the time when each row had target (B,) steps: at least 1, at most as now.

        often: rows are likely to go back again soon, by a few steps.
        """
        steps, before, stays = self._steps, self.at, target == self.at.lengths
        self.at = self.history.back_to(target, often=often)
        if (target == 1).all():  # no prompt is left
            self.continue_after([None] * self.rows)
        if not stays.any():
            self._take_again(steps, target, before.fed)
            return
        if often and (target - self.at.lengths).max() > 2 * NEAR_EVERY:
            # The network reads some in all rows, so that this state can be kept to go back to.
            near = np.maximum(target - NEAR_EVERY, self.at.lengths)
            self._take_again(steps, near, before.fed)
        self._take_again(steps, target, before.fed, unread=stays)
        self.at.take_network(before, stays)

    def _take_again(
        self, steps: Steps, target: Lengths, fed: Lengths, unread: Mask | None = None
    ) -> None:
        """Add those of steps (B, T) that are missing to target (B,), of which the first were fed.

        fed: (B,) the length up to which a row was fed. unread: as in `take_all`.
        """
        begin = self.at.lengths
        again = target - begin
        index = begin[:, None] + np.arange(int(again.max(initial=0)))
        steps = np.take_along_axis(steps, np.minimum(index, steps.shape[1] - 1), 1)
        self.take_all(steps, again, fed=np.clip(fed - begin, 0, again), unread=unread)

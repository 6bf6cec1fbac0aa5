"""A session: music in the making, B rows side by side, and the decision of each next step.

A session owns the network's state, the steps so far and the encoder's grammar; a sampler sees
nothing else. Its surface is numpy. A step costs the same however many steps were made before.
Sessions can be fed (a prompt), forked, rewound, and cut down to some of their rows.

Randomness: each row has its own generator and draws one uniform a decision, turned into a value by
the inverse CDF. Row r of seed s draws from numpy's default_rng([s, r]); the same seed, options and
number of rows give the same steps. A copy of a row draws its own numbers, which follow from the
seed, the row and how many copies of it were made before (generators.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.constraints.heard import Heard
from howlkit.errors import HowlkitError, OptionError, did_you_mean
from howlkit.music.piece import Piece
from howlkit.network.device import one_thread
from howlkit.note_choices import NoteChoices
from howlkit.plugins.checked import CheckedEncoder
from howlkit.protocols import Encoder, LogitsFunction, Rule
from howlkit.sampling import generators, prompting
from howlkit.sampling.last_step import LastStep
from howlkit.sampling.likeliest import likeliest_steps, no_rules
from howlkit.sampling.limits import Limit, reached
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.positions import Target
from howlkit.sampling.runner import Runner
from howlkit.sampling.session_rows import SessionRows
from howlkit.sampling.state import RowState
from howlkit.sampling.step_drawing import StepDrawing
from howlkit.schema import END, Field, Steps

__all__ = ["Session"]


class Session:
    """B rows of music in the making; `Trained.session` begins one.

    runner: runs the network (`runners.make_runner`), for this session alone. encoder: the one that
    the network was trained with. rows: B. seed: seeds the rows' generators. limit: how much each
    row makes. like: the piece that lends its tempo map and resolution. rules: what may sound
    (howlkit.constraints).

    >>> from howlkit.sampling.trained import Trained
    >>> from howlkit.training.recipe import Recipe
    >>> recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 16}})
    >>> network = recipe.model.build(recipe.encoder.schema, recipe.heads)  # random weights
    >>> session = Trained(recipe, network, facts={}).session(
    ...     rows=2, seed=1, limit=Limit(notes=5, ends=False)
    ... )
    >>> while not session.done.all():
    ...     step = session.step(SamplingParams(temperature=0.9))
    >>> session.notes.tolist(), len(session.piece(row=1))
    ([5, 5], 5)
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
        rules: Sequence[Rule] = (),
    ) -> None:
        if rows < 1:
            raise HowlkitError(f"a session of {rows} rows; at least 1 is needed")
        if not isinstance(limit, Limit):
            raise HowlkitError(f"the limit is {limit!r}; a Limit is needed, as Limit(notes=100)")
        self.encoder = CheckedEncoder.of(encoder)
        self.limit = limit
        self.like = like
        self._rows = SessionRows(runner, self.encoder, rows=rows, seed=seed, like=like, rules=rules)
        # Both are kept with the lengths of the rows to which they belong.
        self._done: tuple[NDArray[np.int64], Limit, NDArray[np.bool_]] | None = None
        self._last: tuple[NDArray[np.int64], LastStep] | None = None

    # Where it stands ----------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """B, the number of rows."""
        return len(self._at.lengths)

    @property
    def rngs(self) -> list[np.random.Generator]:
        """A random generator for each row."""
        return self._rows.rngs

    @rngs.setter
    def rngs(self, rngs: list[np.random.Generator]) -> None:
        self._rows.rngs = rngs

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(B,): how many steps each row has, the start row among them."""
        return self._at.lengths

    @property
    def notes(self) -> NDArray[np.int64]:
        """(B,): how many notes each row has made, without those that were fed."""
        return self._at.notes

    @property
    def steps(self) -> Steps:
        """(B, T): a view of every row's steps so far; in row r the first lengths[r] count."""
        return self._rows.steps

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): where each row stands on the time line of its prompt, in the encoder's clock.

        The unit is beats or seconds. Without a prompt it is where the steps so far lead to.
        """
        return self._at.now

    @property
    def done(self) -> NDArray[np.bool_]:
        """(B,): which rows have ended or reached the limit."""
        at, kept = self._at, self._done
        if kept is None or kept[0] is not at.lengths or kept[1] is not self.limit:
            done = reached(self.limit, at, self._rows.timeline, longest=self._rows.room)
            self._done = kept = at.lengths, self.limit, done
        return kept[2].copy()

    @property
    def stalled(self) -> NDArray[np.bool_]:
        """(B,): which rows are done only because of `Limit.most_steps`: their time hardly moves."""
        return self.done & ~reached(self.limit, self._at, self._rows.timeline)

    @property
    def cost(self) -> NDArray[np.float64]:
        """(B,): the nats of the last step under the model, as `Network.nats` prices it.

        That is at temperature 1, over all values, whether the grammar allows them or not, summed
        over `mark` and the fields of the step; fields without a likelihood are left out. The sum
        over the steps of a piece is what `howlkit evaluate` counts, with `mark`. 0 in rows that
        were done before; NaN where the last step was not decided by `step`: before the first,
        after `feed`, `prompt` and `rewind`. It is computed when it is asked for.
        """
        if (last := self._last_step) is None:
            return np.full(self.rows, np.nan)
        with one_thread(self.rows):
            return self._rows.runner.nats(last.hidden, self._rows.last_steps, last.going)

    @property
    def drawn_cost(self) -> NDArray[np.float64]:
        """(B,): the nats of the last step under the distribution that it was drawn from.

        That is what was left after the grammar, the functions on logits, temperature, top-k, top-p,
        min-p and typical-p. 0 and NaN as for `cost`.
        """
        last = self._last_step
        return np.full(self.rows, np.nan) if last is None else last.drawn_nats

    @property
    def stepping(self) -> str:
        """How the network is run: "plain" or "compiled"."""
        return self._rows.runner.name

    @property
    def clock(self) -> str:
        """What the encoder counts time in: "beats" or "seconds"."""
        return self._rows.schema.clock

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(B,): the seconds from the piece's start to each row's last onset.

        Rests of a prompt count as they are in the prompt, even if the encoder shortens them.
        """
        return self._rows.timeline.seconds(self.now, self._at.grammar)

    @property
    def beats(self) -> NDArray[np.float64]:
        """(B,): the beats from the piece's start to each row's last onset, as in `seconds`."""
        return self._rows.timeline.beats(self.now)

    @property
    def heard(self) -> Heard:
        """What sounds in each row, and how its music went lately; for a session with rules."""
        if self._at.heard is None:
            raise HowlkitError("a session without rules does not follow what sounds")
        return self._at.heard

    def steps_of(self, row: int) -> Steps:
        """Return the steps of one row, its start row first; a view."""
        return self._rows.steps_of(row)

    def fed_of(self, row: int) -> int:
        """Return how many of the steps of one row were fed, its start row counted."""
        return self._rows.fed_of(row)

    def piece(self, row: int = 0) -> Piece:
        """Return the music of one row so far, as the encoder decodes its steps.

        The rests of a prompt may be shorter in it than in the prompt. Raises PluginError if the
        encoder decodes fewer notes than its grammar has counted.
        """
        return prompting.decoded(self._rows, row)

    def made(self, row: int = 0) -> Piece:
        """Return the music that one row has made, up to the limit and without what was fed.

        It stands on the time line of the row's prompt and never begins before the prompt's last
        onset, even if the encoder shortens rests of the prompt or leaves out its last notes.
        A step is decided before anybody knows that it crosses a limit in seconds or beats; its
        notes are left out here.
        """
        return prompting.made(self._rows, row, self.limit)

    @property
    def _at(self) -> RowState:
        """The state that the rows are in."""
        return self._rows.at

    @property
    def _last_step(self) -> LastStep | None:
        """The last step, if it was decided by `step`."""
        kept = self._last
        return None if kept is None or kept[0] is not self._at.lengths else kept[1]

    # What it does -------------------------------------------------------------------------------

    def step(
        self,
        params: SamplingParams = SamplingParams(),
        *,
        functions: Sequence[LogitsFunction] = (),
        rows: NDArray[np.bool_] | None = None,
    ) -> Steps:
        """Decide one step for every row that is not done, and return it (B,).

        Rows that are done come back as END. rows: (B,), the only rows to take a step; None: all.

        params: how logits become probabilities. functions: each is called as f(field, logits,
        given) with float64 logits (B, field.choices) and the fields decided so far (B,), and
        returns the logits to use; for a field of bits, at every choice of a bit. Logits of values
        that the grammar does not allow are -inf, and stay so whatever is returned for them. +inf
        for an allowed value means that it, or another with +inf, is taken.
        Raises OptionError if params name a field that the encoder does not have, and HowlkitError,
        naming the function, the field and the row, if a function forbids all that is allowed or
        returns something else than such logits. The session is then unchanged, but for numbers that
        were drawn.
        """
        self._check_fields(params)
        going = ~self.done if rows is None else rows & ~self.done
        step = self._rows.schema.steps(len(going))
        step["mark"] = END
        if functions or self._rows.runner.needs_torch or len(step) > 1:
            with one_thread(len(step)):
                self._decide(step, going, params, functions)
        else:
            self._decide(step, going, params, functions)
        return step

    def _decide(
        self,
        step: Steps,
        going: NDArray[np.bool_],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
    ) -> None:
        """Decide `step` (B,) in the rows that are going (B,), and add it."""
        rows = self._rows
        chances = StepDrawing(rows, params, functions, ends=self.limit.ends).run(step, going)
        last = LastStep(rows.at.hidden, going, chances)  # after the draw: rows may have gone back
        rows.take(step, going)
        self._last = rows.at.lengths, last

    def nats_of(self, steps: Iterable[Steps]) -> NDArray[np.float64]:
        """Return (B, T): the nats of each of some steps a row, if they came next, as `cost` counts.

        steps: one array a row, without a start row; T is the length of the longest, and behind a
        shorter one stands 0. Nothing is added: `feed` does that. Raises HowlkitError as `feed`.
        """
        return prompting.nats_of(self._rows, steps)

    @property
    def has_notes(self) -> bool:
        """Whether the encoder says which note each choice begins (`note_choices`)."""
        return bool(self._at.grammar.has_notes)

    @property
    def divisions(self) -> int:
        """Positions of `note_choices` in a beat or second of the clock."""
        return int(self._at.grammar.divisions)

    @property
    def moved(self) -> NDArray[np.float64]:
        """(B,): how much later than in its steps each row's music stands, in the clock."""
        return self._at.moved

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field of the next step mean in notes, (B, n).

        given: (B,), the fields decided before it. None where the encoder does not say it
        (howlkit.note_choices).
        """
        grammar = self._at.grammar
        return grammar.note_choices(field, given) if grammar.has_notes else None

    def likeliest_steps(self, width: int) -> tuple[Steps, NDArray[np.float64]]:
        """Return the `width` likeliest next steps of each row, (B, W), and their nats (B, W).

        The likeliest come first, and nothing is added: `feed` does that. Nats are those of `cost`;
        steps that the grammar forbids are left out. They are found by a beam over the fields of a
        step, exactly if `width` is large enough (likeliest.py). A row that is done has an END of 0
        nats; where there are no further steps, nats are infinite. For a field without a likelihood
        the value nearest to what the network says costs nothing. Rules about notes are kept; each
        note is judged by what was heard before the step. Compiled stepping loads torch for it.
        Raises HowlkitError for a width below 1.
        """
        rows, at = self._rows, self._at
        with one_thread(rows.rows):
            return likeliest_steps(
                rows.runner,
                at.grammar,
                self.encoder,
                at.hidden,
                width=width,
                going=~self.done,
                ends=self.limit.ends,
                judge=no_rules if rows.rules is None else rows.rules.of_beginnings(at),
            )

    def _check_fields(self, params: SamplingParams) -> None:
        for name in params.fields:
            known = [field.name for field in self._rows.schema.decisions]
            if name not in known:
                raise OptionError(
                    f"encoder {self.encoder.name!r} has no field {name!r} to shape."
                    f"{did_you_mean(name, known)} Its fields are {', '.join(known)}"
                )

    def feed(self, steps: Iterable[Steps], *, made: bool = False) -> None:
        """Append given steps, one array a row, as if the session had decided them.

        A start row at the beginning of an array is skipped.
        made: whether they count as music made here, not as a prompt.
        Raises HowlkitError if the grammar does not allow a step, or a step follows an end; the
        session is then unchanged.
        """
        prompting.feed(self._rows, steps, made=made)
        self._last = None  # said even where nothing was fed

    def prompt(self, pieces: Piece | Sequence[Piece]) -> None:
        """Feed a piece, without its end, so that the next steps continue it.

        pieces: one for all rows, or one a row. What is made follows its last onset (`made`). An
        excerpt counts as a piece of its own, without its context.
        Raises HowlkitError if the session has steps already, since a prompt is a piece from its
        beginning; if the encoder keeps no note of a piece that has notes; and as `feed` does.
        """
        prompting.prompt(self._rows, pieces)

    def select(self, rows: Sequence[int] | NDArray[np.intp], *, same: bool = False) -> None:
        """Keep these rows, in this order; one named twice becomes two.

        Each copy of a row draws its own numbers; same: the numbers of that row, so that both go on
        alike. Raises HowlkitError for a row that there is not.
        """
        index = np.asarray(rows, np.intp)
        if not len(index) or (index < 0).any() or (index >= self.rows).any():
            raise HowlkitError(f"cannot select rows {index.tolist()} of 0..{self.rows - 1}")
        last = self._last_step
        self._rows = self._rows.select(index, _another(same))
        if last is not None:
            self._last = self._at.lengths, last.select(index)

    def fork(self, *, same: bool = False) -> Session:
        """Return an independent copy, which draws its own numbers.

        same: it draws the numbers that this session will draw, so that both go on alike.

        The two share a runner: step them in turn, not in two threads.
        """
        copied, another = copy.copy(self), _another(same)
        copied.select(np.arange(self.rows))
        copied._rows.rngs = [another(rng) for rng in self.rngs]
        return copied

    def keep(self) -> None:
        """Keep the present state, so that `rewind` to it, or to soon after it, is quick."""
        self._rows.history.keep(self._at, now=True)

    def rewind(self, lengths: int | Sequence[int] | NDArray[np.int64]) -> None:
        """Go back to the time when each row had `lengths` steps, its start row counted.

        The generators are not rewound, so the next steps are new ones. The network reads again
        the steps since the last state that was kept (history.py): at most `history.KEEP_EVERY`
        steps of the row that goes back least far, or a 32nd of all its steps if that is more; and
        more where states are so large that `history.KEEP_BYTES` holds only a few. Of rows that stay
        as they are, the network reads nothing again.
        Raises HowlkitError for a length below 1 or above the present one.
        """
        target = np.broadcast_to(np.asarray(lengths, np.int64), self.lengths.shape)
        if (target < 1).any() or (target > self.lengths).any():
            raise HowlkitError(
                f"cannot rewind to {target.tolist()} steps; 1..{self.lengths.tolist()} are allowed"
            )
        self._rows.rewind(target)

    def rewind_to(
        self, *, beats: ArrayLike | None = None, seconds: ArrayLike | None = None
    ) -> None:
        """Go back to a position: take back every step that stands there or after.

        beats, seconds: one of the two, a number or one a row, counted as `session.beats` and
        `session.seconds` are. A row that has not got so far stays as it is. The generators are not
        rewound. Raises HowlkitError for a position that is not above 0, or lies in what was fed.
        """
        target = Target(self.rows, self._rows.timeline, beats=beats, seconds=seconds)
        self.rewind(target.lengths(self._at, self.steps, self._rows.history))


def _another(same: bool) -> Callable[[np.random.Generator], np.random.Generator]:
    """Return what makes the generator of a copy of a row; same: one that draws its numbers."""
    return generators.twin if same else generators.child

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
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.constraints.heard import Heard
from howlkit.errors import HowlkitError, OptionError, PluginError, did_you_mean
from howlkit.music.piece import FOREVER, Piece
from howlkit.network.batches import side_by_side
from howlkit.network.device import one_thread
from howlkit.note_choices import NoteChoices
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.checked import CheckedEncoder, unwrapped
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.plugins.contracts import advice
from howlkit.protocols import Encoder, LogitsFunction, Rule, StepMask
from howlkit.sampling import generators
from howlkit.sampling.decoding import FieldwiseDecoder, check_allowed, without_end
from howlkit.sampling.history import History
from howlkit.sampling.last_step import LastStep
from howlkit.sampling.likeliest import likeliest_steps, no_rules
from howlkit.sampling.limits import Limit, Timeline, reached, tick_of
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.placement import PromptEnd, new_rows, without_end_row
from howlkit.sampling.positions import Target
from howlkit.sampling.rule_arrays import Judged
from howlkit.sampling.ruled import SessionRules
from howlkit.sampling.ruled_draws import draw_until_kept
from howlkit.sampling.runner import Runner
from howlkit.sampling.state import RowState
from howlkit.schema import END, END_ARRAY, START, Field, Steps

__all__ = ["Session"]

MOST_RETURNS = 64
"""How often in a row a row goes back where rules leave nothing, until that is an error."""

FEED_AT_ONCE = 1024  # steps of a prompt that the network reads in one pass; bounds memory


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
        self.rngs = [np.random.default_rng([seed, row]) for row in range(rows)]
        self._schema = self.encoder.schema
        self._timeline = Timeline(self._schema.clock, like)
        self._runner = runner
        runner.prepare(rows)
        self._fields = self._schema.decisions
        self._hold(self._schema.steps(64 * rows).reshape(rows, 64))
        self._steps["mark"][:, 0] = START
        grammar = self.encoder.grammar(rows, like=like)
        self._derive(grammar, self._steps[:, 0], np.ones(rows, bool))
        with one_thread(rows):
            state, hidden = self._runner.start(self._steps[:, :1])
        self._rules = SessionRules.of(rules, self.encoder, grammar, runner)
        heard = Heard.nothing(rows) if self._rules else None
        self._at = RowState.start(grammar, rows, state, hidden, heard=heard)
        self._history = History(self._at)
        self._prompts: list[PromptEnd | None] = [None] * rows
        self._done: tuple[Limit, NDArray[np.bool_]] | None = None
        self._last: tuple[Any, NDArray[np.bool_], NDArray[np.float64]] | None = None

    # Where it stands ----------------------------------------------------------------------------

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
        """(B,): how many notes each row has made, without those that were fed."""
        return self._at.notes

    @property
    def steps(self) -> Steps:
        """(B, T): a view of every row's steps so far; in row r the first lengths[r] count."""
        return self._steps[:, : int(self.lengths.max())]

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): where each row stands on the time line of its prompt, in the encoder's clock.

        The unit is beats or seconds. Without a prompt it is where the steps so far lead to.
        """
        return self._at.now

    @property
    def done(self) -> NDArray[np.bool_]:
        """(B,): which rows have ended or reached the limit."""
        if self._done is None or self._done[0] is not self.limit:
            self._done = (
                self.limit,
                reached(self.limit, self._at, self._timeline, longest=self._steps.shape[1]),
            )
        return self._done[1].copy()

    @property
    def stalled(self) -> NDArray[np.bool_]:
        """(B,): which rows are done only because of `Limit.most_steps`: their time hardly moves."""
        return self.done & ~reached(self.limit, self._at, self._timeline)

    @property
    def cost(self) -> NDArray[np.float64]:
        """(B,): the nats of the last step under the model, as `Network.nats` prices it.

        That is at temperature 1, over all values, whether the grammar allows them or not, summed
        over `mark` and the fields of the step; fields without a likelihood are left out. The sum
        over the steps of a piece is what `howlkit evaluate` counts, with `mark`. 0 in rows that
        were done before; NaN where the last step was not decided by `step`: before the first,
        after `feed`, `prompt` and `rewind`. It is computed when it is asked for.
        """
        if self._last is None:
            return np.full(self.rows, np.nan)
        last, step = LastStep(*self._last), self._steps[np.arange(self.rows), self.lengths - 1]
        with one_thread(self.rows):
            return self._runner.nats(last.hidden, step, last.going)

    @property
    def drawn_cost(self) -> NDArray[np.float64]:
        """(B,): the nats of the last step under the distribution that it was drawn from.

        That is what was left after the grammar, the functions on logits, temperature, top-k, top-p,
        min-p and typical-p. 0 and NaN as for `cost`.
        """
        if self._last is None:
            return np.full(self.rows, np.nan)
        return LastStep(*self._last).drawn_nats

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
        """(B,): the seconds from the piece's start to each row's last onset.

        Rests of a prompt count as they are in the prompt, even if the encoder shortens them.
        """
        return self._timeline.seconds(self.now, self._at.grammar)

    @property
    def beats(self) -> NDArray[np.float64]:
        """(B,): the beats from the piece's start to each row's last onset, as in `seconds`."""
        return self._timeline.beats(self.now)

    @property
    def heard(self) -> Heard:
        """What sounds in each row, and how its music went lately; for a session with rules."""
        if self._at.heard is None:
            raise HowlkitError("a session without rules does not follow what sounds")
        return self._at.heard

    def steps_of(self, row: int) -> Steps:
        """Return the steps of one row, its start row first; a view."""
        return self._steps[row, : int(self.lengths[row])]

    def fed_of(self, row: int) -> int:
        """Return how many of the steps of one row were fed, its start row counted."""
        return max(int(self._at.fed[row]), 1)

    def piece(self, row: int = 0) -> Piece:
        """Return the music of one row so far, as the encoder decodes its steps.

        The rests of a prompt may be shorter in it than in the prompt. Raises PluginError if the
        encoder decodes fewer notes than its grammar has counted.
        """
        piece = self.encoder.decode(self._steps[row, : self.lengths[row]], like=self.like)
        if len(piece) < (counted := int(self.notes[row])):
            raise PluginError(
                f"{owner_of(unwrapped(self.encoder))}: decode returned {len(piece)} notes for "
                f"{self.lengths[row]} steps, in which its grammar counted {counted} notes or more"
                f"{advice(self.encoder)}"
            )
        return piece

    def made(self, row: int = 0) -> Piece:
        """Return the music that one row has made, up to the limit and without what was fed.

        It stands on the time line of the row's prompt and never begins before the prompt's last
        onset, even if the encoder shortens rests of the prompt or leaves out its last notes.
        A step is decided before anybody knows that it crosses a limit in seconds or beats; its
        notes are left out here.
        """
        whole, at = self.piece(row), self._at
        steps = self._steps[row, : at.fed[row]]
        fed = self.encoder.decode(steps, like=self.like).at_resolution(whole.ticks_per_beat)
        music = whole.replace(
            notes=whole.notes[new_rows(whole.notes, fed.notes, ("start", "program", "pitch"))],
            pedals=whole.pedals[new_rows(whole.pedals, fed.pedals, ("start", "track"))],
        )
        prompt = self._prompts[row]
        if prompt is not None:
            ticks = self.encoder.ticks(self._steps[row, : self.lengths[row]], like=self.like)
            since = int(ticks[at.fed[row] - 1])
            music = prompt.continued(music, float(at.moved[row]), since=since, maps=self._own_maps)
        if not np.isnan(at.origin[row]):
            stop = tick_of(self.limit, at, row, self._timeline, music)
            music = music.replace(notes=music.notes[music.notes["start"] < stop])
        return music

    @property
    def _own_maps(self) -> tuple[str, ...]:
        """The tables of decoded music that come from its steps, not from `like`."""
        if self.like is None:
            return "tempos", "time_signatures", "key_signatures"
        return () if len(self.like.time_signatures) else ("time_signatures",)

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
        step = self._schema.steps(self.rows)
        step["mark"] = END
        if functions or self._runner.needs_torch or len(step) > 1:
            with one_thread(self.rows):
                self._decide(step, going, params, functions)
        else:
            self._decide(step, going, params, functions)
        return step

    def nats_of(self, steps: Iterable[Steps]) -> NDArray[np.float64]:
        """Return (B, T): the nats of each of some steps a row, if they came next, as `cost` counts.

        steps: one array a row, without a start row; T is the length of the longest, and behind a
        shorter one stands 0. Nothing is added: `feed` does that. Raises HowlkitError as `feed`.
        """
        columns, lengths = side_by_side(self._schema, self._a_row_each(steps))
        table = np.zeros((self.rows, int(lengths.max(initial=0))), self._schema.dtype)
        for name, column in columns.items():
            table[name] = column
        check_allowed(self.encoder, self._at.grammar, self._at.ended, table, lengths)
        grammar = self._at.grammar.select(np.arange(self.rows))
        state, hidden, nats = self._at.state, self._at.hidden, np.zeros(table.shape)
        with one_thread(self.rows):
            for t in range(table.shape[1]):
                step, rows = table[:, t].copy(), lengths > t
                grammar.push(step, rows)
                self._derive(grammar, step, rows)
                nats[:, t] = self._runner.nats(hidden, step, rows)
                state, hidden = self._runner.read(
                    step[:, None], state, hidden, rows.astype(np.int64)
                )
        return nats

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
        with one_thread(self.rows):
            return likeliest_steps(
                self._runner,
                self._at.grammar,
                self.encoder,
                self._at.hidden,
                width=width,
                going=~self.done,
                ends=self.limit.ends,
                judge=no_rules if self._rules is None else self._rules.of_beginnings(self._at),
            )

    def _decide(
        self,
        step: Steps,
        going: NDArray[np.bool_],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
    ) -> None:
        """Decide `step` (B,) in the rows that are going (B,), and add it."""
        hidden = self._at.hidden
        if self._rules is None:
            chances = self._draw(step, going, params, functions, None)
        else:
            chances = self._draw_by_rules(step, going, params, functions)
            hidden = self._at.hidden  # rows may have gone back
        self._add(step, going)
        self._read(step[:, None], going.astype(np.int64))
        self._last = hidden, going, chances

    def _draw(
        self,
        step: Steps,
        going: NDArray[np.bool_],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
        judged: Judged | None,
    ) -> NDArray[np.float64]:
        """Draw `step` (B,) in the rows that are going (B,); return (B, .) its values' chances.

        judged: the rules, if there are any, which say in `judged.left` what they left.
        """
        hidden, uniforms = self._at.hidden, self._uniforms(going)
        if not functions and self._runner.sample_step(
            hidden, step, going, self._step_mask, uniforms, params, judged
        ):
            return uniforms
        fields = FieldwiseDecoder(
            self._runner, self._at.grammar, self.encoder, self.rngs, ends=self.limit.ends
        )
        self._runner.begin(hidden)
        return fields.decide(step, going, uniforms, params, functions, judged)

    def _draw_by_rules(
        self,
        step: Steps,
        going: NDArray[np.bool_],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
    ) -> NDArray[np.float64]:
        """Draw `step` (B,) as the rules allow; return (B, 1) its probability in that draw.

        Rows for which the rules leave nothing go back a little, and are drawn from there.
        """
        rules = self._rules
        assert rules is not None  # for mypy
        if self.rows == 1 and (judged := rules.judged(self._at)) is not None:
            # Most first draws of a row are kept, and arrays of tries take longer than drawing.
            chances = self._draw(step, going, params, functions, judged)
            if (left := judged.left[0]) >= 1 or self.rngs[0].random() < left:
                return chances
        return self._draw_until_kept(rules, step, going, params, functions)

    def _draw_until_kept(
        self,
        rules: SessionRules,
        step: Steps,
        going: NDArray[np.bool_],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
    ) -> NDArray[np.float64]:
        """As `_draw_by_rules`, with as many draws of a row as it takes."""

        def draw(
            rows: NDArray[np.bool_],
        ) -> tuple[Steps, NDArray[np.float64], NDArray[np.float64]]:
            trial = self._schema.steps(self.rows)
            trial["mark"] = END
            judged = rules.judged(self._at)
            chances = self._draw(trial, rows, params, functions, judged)
            left = rules.left_whole(self, trial, rows) if judged is None else judged.left
            return trial, chances.prod(axis=1), left

        todo, chances = going, np.ones(self.rows)
        while True:
            found_steps, found_chances, found = draw_until_kept(draw, todo, self.rngs)
            step[found], chances[found] = found_steps[found], found_chances[found]
            todo = todo & ~found
            if not todo.any():
                return chances[:, None]
            self._go_back(todo)

    def _go_back(self, rows: NDArray[np.bool_]) -> None:
        """Take back 4 steps of rows (B,), and up to 64 if that did not help; none that was fed.

        Raises HowlkitError if a row went back `MOST_RETURNS` times and got no further.
        """
        at = self._at
        further = rows & (at.lengths > at.furthest)
        returns = np.where(further, 0, at.returns) + rows
        furthest = np.where(further, at.lengths, at.furthest)
        if (returns > MOST_RETURNS).any():
            raise HowlkitError(
                f"row {int(returns.argmax())}: the rules leave nothing that may come next, after "
                f"{MOST_RETURNS} other ways were tried. Ask for less: a wider range, more notes at "
                "once, more instruments; or --without all, to leave out the default rules"
            )
        least = np.maximum(at.fed, 1)
        shorter = np.maximum(at.lengths - (4 << np.minimum(returns // 4, 4)), least)
        self.rewind(np.where(rows, shorter, at.lengths))
        self._at.returns, self._at.furthest = returns, furthest

    def _step_mask(self) -> StepMask | None:
        """Return the mask of the whole next step; None if the grammar cannot give one."""
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
        """Append given steps, one array a row, as if the session had decided them.

        A start row at the beginning of an array is skipped.
        made: whether they count as music made here, not as a prompt.
        Raises HowlkitError if the grammar does not allow a step, or a step follows an end; the
        session is then unchanged.
        """
        columns, lengths = side_by_side(self._schema, self._a_row_each(steps))
        table = np.zeros((self.rows, int(lengths.max(initial=0))), self._schema.dtype)
        for name, column in columns.items():
            table[name] = column
        check_allowed(self.encoder, self._at.grammar, self._at.ended, table, lengths)
        self._last = None
        self._take_all(table, lengths, fed=np.zeros_like(lengths) if made else lengths)

    def _a_row_each(self, steps: Iterable[Steps]) -> list[Steps]:
        """Return steps, one array a row, without the start rows."""
        rows = [_without_start(row) for row in steps]
        if len(rows) != self.rows:
            raise HowlkitError(f"{len(rows)} rows fed to a session of {self.rows}; give one each")
        return rows

    def prompt(self, pieces: Piece | Sequence[Piece]) -> None:
        """Feed a piece, without its end, so that the next steps continue it.

        pieces: one for all rows, or one a row. What is made follows its last onset (`made`). An
        excerpt counts as a piece of its own, without its context.
        Raises HowlkitError if the session has steps already, since a prompt is a piece from its
        beginning; if the encoder keeps no note of a piece that has notes; and as `feed` does.
        """
        pieces = [pieces] * self.rows if isinstance(pieces, Piece) else list(pieces)
        if len(pieces) != self.rows:
            raise HowlkitError(
                f"{len(pieces)} pieces for {self.rows} rows; give one for all, or one each"
            )
        if (self.lengths > 1).any():
            raise HowlkitError(
                "a prompt is a beginning, and this session has "
                f"{int(self.lengths.max()) - 1} steps already. rewind(1) takes them back; "
                "Piece.then makes one prompt of two; feed(steps) adds steps where the rows stand"
            )
        given = {id(piece): _on_its_own(piece) for piece in pieces}
        steps = {key: without_end_row(self.encoder.encode(piece)) for key, piece in given.items()}
        ends = {key: PromptEnd.of(self.encoder, given[key], steps[key]) for key in given}
        before = self._at, self._history, self._prompts
        try:
            self._continue_after([ends[id(piece)] for piece in pieces])
            self.feed([steps[id(piece)] for piece in pieces])
        except Exception:
            self._at, self._history, self._prompts = before
            raise

    def _continue_after(self, prompts: list[PromptEnd | None]) -> None:
        """Set, before they are fed, the prompts that the music of the rows is to follow."""
        self._at = self._at.copy()
        self._at.moved = np.array([0.0 if end is None else end.ahead for end in prompts])
        self._at.waiting = np.array([end is not None and not end.kept for end in prompts])
        self._hear_moved()
        self._history, self._prompts = History(self._at), prompts

    def select(self, rows: Sequence[int] | NDArray[np.intp], *, same: bool = False) -> None:
        """Keep these rows, in this order; one named twice becomes two.

        Each copy of a row draws its own numbers; same: the numbers of that row, so that both go on
        alike. Raises HowlkitError for a row that there is not.
        """
        index = np.asarray(rows, np.intp)
        if not len(index) or (index < 0).any() or (index >= self.rows).any():
            raise HowlkitError(f"cannot select rows {index.tolist()} of 0..{self.rows - 1}")
        self._at = self._at.select(index)
        self._history = self._history.select(index)
        self._prompts = [self._prompts[row] for row in index.tolist()]
        self._hold(self._steps[index])
        self._done = None
        if self._last is not None:
            hidden, going, chances = self._last
            self._last = hidden[index], going[index], chances[index]
        another = generators.twin if same else generators.child
        seen: set[int] = set()
        rngs = []
        for row in index.tolist():
            rngs.append(another(self.rngs[row]) if row in seen else self.rngs[row])
            seen.add(row)
        self.rngs = rngs

    def fork(self, *, same: bool = False) -> Session:
        """Return an independent copy, which draws its own numbers.

        same: it draws the numbers that this session will draw, so that both go on alike.

        The two share a runner: step them in turn, not in two threads.
        """
        copied = copy.copy(self)
        another = generators.twin if same else generators.child
        copied.rngs = [another(rng) for rng in self.rngs]
        copied.select(np.arange(self.rows))
        return copied

    def keep(self) -> None:
        """Keep the present state, so that `rewind` to it, or to soon after it, is quick."""
        self._history.keep(self._at, now=True)

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
        steps, fed, before, stays = self._steps, self._at.fed, self._at, target == self.lengths
        self._at, self._done, self._last = self._history.back_to(target), None, None
        if (target == 1).all():  # no prompt is left
            self._continue_after([None] * self.rows)
        begin, again = self.lengths, target - self.lengths
        index = begin[:, None] + np.arange(int(again.max(initial=0)))
        steps = np.take_along_axis(steps, np.minimum(index, steps.shape[1] - 1), 1)
        if not stays.any():
            self._take_all(steps, again, fed=np.clip(fed - begin, 0, again))
            return
        self._take_all(steps, again, fed=np.clip(fed - begin, 0, again), unread=stays)
        self._at.take_network(before, stays)

    def rewind_to(
        self, *, beats: ArrayLike | None = None, seconds: ArrayLike | None = None
    ) -> None:
        """Go back to a position: take back every step that stands there or after.

        beats, seconds: one of the two, a number or one a row, counted as `session.beats` and
        `session.seconds` are. A row that has not got so far stays as it is. The generators are not
        rewound. Raises HowlkitError for a position that is not above 0, or lies in what was fed.
        """
        target = Target(self.rows, self._timeline, beats=beats, seconds=seconds)
        self.rewind(target.lengths(self._at, self._steps, self._history))

    # How steps are added ------------------------------------------------------------------------

    def _take_all(
        self,
        steps: Steps,
        lengths: NDArray[np.int64],
        *,
        fed: NDArray[np.int64],
        unread: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add steps (B, T) as `_take` does, a part at a time, so that memory is bounded."""
        for begin in range(0, steps.shape[1], FEED_AT_ONCE):
            some = steps[:, begin : begin + FEED_AT_ONCE]
            here, given = (np.clip(n - begin, 0, some.shape[1]) for n in (lengths, fed))
            with one_thread(self.rows):
                self._take(some, here, fed=given, unread=unread)

    def _take(
        self,
        steps: Steps,
        lengths: NDArray[np.int64],
        *,
        fed: NDArray[np.int64],
        unread: NDArray[np.bool_] | None,
    ) -> None:
        """Add steps (B, T), of which lengths (B,) count in each row and the first `fed` were fed.

        Derived fields are filled in. unread: (B,) rows of which the network reads nothing, since
        its state is put in later.
        """
        for t in range(steps.shape[1]):
            rows = lengths > t
            self._add(steps[:, t], rows, fed=rows & (fed > t), behind=t)
        self._at.fed = np.where(fed > 0, self._at.lengths + fed, self._at.fed)
        self._read(steps, lengths, unread=unread)
        if self._rules is not None and self._rules.decodes:
            self._rules.hear_decoded(self)

    def _add(
        self,
        step: Steps,
        rows: NDArray[np.bool_],
        *,
        fed: NDArray[np.bool_] | None = None,
        behind: int = 0,
    ) -> None:
        """Add `step` (B,) to some rows and fill in its derived fields; the network reads it later.

        fed: (B,), in which rows the step was fed, not made. behind: how many steps were added
        before it that the network has not read yet.
        """
        at, self._done = self._at, None
        if self._rules is not None:
            self._rules.follow(at, step, rows, rows if fed is None else rows & ~fed)
        begun = at.grammar.push(step, rows)
        self._derive(at.grammar, step, rows)
        begun = begun * (rows if fed is None else rows & ~fed)
        if any(at.waiting.tolist()) and (first := at.waiting & (begun > 0)).any():
            self._move_on(first)
        at.notes = at.notes + begun
        at.ended = at.ended | (rows & (step["mark"] == END_ARRAY))
        self._write(step, rows, behind)
        if fed is not None or not at.settled:
            self._find_origin(np.zeros_like(rows) if fed is None else fed, begun > 0)

    def _move_on(self, rows: NDArray[np.bool_]) -> None:
        """Move rows whose first own note has just begun to where it follows the prompt."""
        at = self._at
        at.moved, at.waiting = at.moved.copy(), at.waiting & ~rows
        for row in np.flatnonzero(rows).tolist():
            if (prompt := self._prompts[row]) is not None:
                at.moved[row] += prompt.missing(float(at.now[row]))
        self._hear_moved()

    def _hear_moved(self) -> None:
        """Tell the rules how much later rows stand on the time lines of their prompts."""
        if self._rules is not None and self._at.heard is not None:
            moved = np.rint(self._at.moved * self._rules.divisions)
            self._at.heard.moved = moved.astype(np.int64)

    def _write(self, step: Steps, rows: NDArray[np.bool_], behind: int) -> None:
        """Write `step` (B,) after the last step of each row marked True."""
        lengths, new = self._at.lengths.tolist(), step.view(self._schema.row)
        self._room_for(max(lengths) + behind + 1)
        for row, (length, counts) in enumerate(zip(lengths, rows.tolist(), strict=True)):
            if counts:
                self._rows[row, length + behind] = new[row]

    def _read(
        self,
        steps: Steps,
        lengths: NDArray[np.int64],
        *,
        unread: NDArray[np.bool_] | None = None,
    ) -> None:
        """Let the network read added steps (B, T), of which lengths (B,) count.

        unread: (B,) rows of which it reads none; such a state is not kept to go back to.
        """
        at, read = self._at, lengths if unread is None else lengths * ~unread
        at.state, at.hidden = self._runner.read(steps, at.state, at.hidden, read)
        at.lengths = at.lengths + lengths
        if unread is None:
            self._history.keep(at)

    def _derive(self, grammar: CheckedGrammar, step: Steps, rows: NDArray[np.bool_]) -> None:
        """Fill in the derived fields of `step` (B,) in the rows that `grammar` took in last."""
        for field in self._schema.derived:
            step[field.name][rows] = grammar.derived(field)[rows]

    def _find_origin(self, fed: NDArray[np.bool_], begun: NDArray[np.bool_]) -> None:
        """Set where each row's own music begins: after what was fed, or at its first note."""
        at, now = self._at, self.now
        first = begun & np.isnan(at.origin)
        if fed.any() or first.any():
            bar = np.floor(now / 4) * 4 if self._schema.clock == "beats" else now
            at.origin = np.where(fed, self._behind_prompts(now), np.where(first, bar, at.origin))
            found = fed | first
            seconds = self._timeline.seconds(np.where(found, at.origin, 0.0), at.grammar)
            at.origin_seconds = np.where(found, seconds, at.origin_seconds)
        at.settled = not np.isnan(at.origin).any()

    def _behind_prompts(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions (B,), or where they are earlier the last onset of the row's prompt."""
        last = [-np.inf if prompt is None else prompt.last for prompt in self._prompts]
        return np.maximum(positions, last)

    def _room_for(self, length: int) -> None:
        have = self._steps.shape[1]
        if length > have:  # doubling: the copies cost a constant a step in all
            more = np.zeros((self.rows, max(length, 2 * have) - have), self._schema.dtype)
            self._hold(np.concatenate((self._steps, more), axis=1))

    def _hold(self, steps: Steps) -> None:
        """Keep steps (B, T), and a view of them as rows of bytes, which are written as a whole."""
        self._steps, self._rows = steps, steps.view(self._schema.row)


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

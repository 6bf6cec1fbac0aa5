"""The laws of a sampler, each a function that raises CheckFailed where it is broken.

The sessions run a tiny network with random weights, with encoder `tuple` and with an encoder that
has bits and real numbers. B rows, T steps.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Gru
from howlkit.head_options import HeadOptions
from howlkit.music.piece import Piece
from howlkit.protocols import Encoder, Sampler
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, START, Steps
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.fake_encoder import FakeEncoder
from howlkit.testing.options import LAWS as OPTION_LAWS
from howlkit.testing.pieces import tune

__all__ = ["check_sampler", "sampler_checks", "session"]

ENCODERS: tuple[Encoder, ...] = (Tuple(grid=4, durations=4, velocities=4), FakeEncoder())
MOST_YIELDS = 2000  # far more than any limit here needs


def sampler_checks(sampler: Sampler) -> tuple[Check, ...]:
    """Return the checks of a sampler, one for each law."""
    return tuple(Check("sampler", sampler, law) for law in LAWS)


def check_sampler(sampler: Sampler) -> None:
    """Raise CheckFailed, saying what is wrong, unless `sampler` keeps to its contract.

    >>> from howlkit.builtin.samplers import Autoregressive
    >>> check_sampler(Autoregressive())
    """
    run_all(sampler_checks(sampler))


def session(
    encoder: Encoder = ENCODERS[0],
    *,
    rows: int = 2,
    seed: int = 0,
    limit: Limit,
    like: Piece | None = None,
) -> Session:
    """Return a new session of a tiny network with random weights, to try a sampler on.

    encoder: by default `tuple` on a coarse grid. like: as in `Session`.

    >>> from howlkit import Limit
    >>> made = session(limit=Limit(notes=3, ends=False))
    >>> while not made.done.all():
    ...     _ = made.step()
    >>> made.notes
    array([3, 3])
    """
    torch.manual_seed(0)
    network = Gru(hidden=16).build(encoder.schema, HeadOptions(embedding=4, width=8, components=2))
    runner = make_runner(network, encoder.schema)
    return Session(runner, encoder, rows=rows, seed=seed, limit=limit, like=like)


def play(sampler: Sampler, made: Session) -> int:
    """Run the sampler until it stops; check each step; return how many it yielded."""
    number = 0
    for step in sampler.generate(made):
        number += 1
        require(
            number <= MOST_YIELDS,
            expected="to stop when `session.done.all()`",
            got=f"{number} steps, and still more; done is {made.done.tolist()}",
            look="the loop's condition",
        )
        require(
            isinstance(step, np.ndarray)
            and step.dtype == made.encoder.schema.dtype
            and step.shape == (made.rows,),
            expected=f"steps ({made.rows},) of the schema's dtype",
            got=f"{type(step).__name__} {getattr(step, 'shape', '')}",
            look="what `generate` yields",
        )
    return number


def stops_at_limits(sampler: Sampler) -> None:
    """It stops when every row has reached its limit, in notes, beats or seconds."""
    for encoder in ENCODERS:
        with given(f"encoder {encoder.name!r}"):
            for limit in (
                Limit(notes=7, ends=False),
                Limit(beats=12, ends=False),
                Limit(seconds=5, ends=False),
                Limit(notes=30, beats=200),
            ):
                with given(str(limit)):
                    made = session(encoder, limit=limit)
                    play(sampler, made)
                    require(
                        made.limit == limit,
                        expected=f"the session's {limit}",
                        got=made.limit,
                        look="the limit is the user's: a sampler keeps to it",
                    )
                    require(
                        bool(made.done.all()),
                        expected="to go on until `session.done.all()`",
                        got=f"an end with notes {made.notes.tolist()}, done {made.done.tolist()}",
                        look="where it stops",
                    )
                    _check_not_beyond(made)


def _check_not_beyond(made: Session) -> None:
    """Check that no row passed its limit: without its last step it has not reached the limit."""
    back = made.fork()
    back.rewind(np.maximum(made.lengths - 1, 1))
    beyond = np.flatnonzero(back.done)
    require(
        not len(beyond),
        expected="no step in a row that is done",
        got=f"more in rows {beyond.tolist()}: notes {made.notes.tolist()}",
        look="steps that are fed past the limit",
    )


def is_sure_by_seed(sampler: Sampler) -> None:
    """The same seed gives the same steps, even if other code draws random numbers."""
    for encoder in ENCODERS:
        with given(f"encoder {encoder.name!r}"):
            played = []
            for other in (1, 2):
                made = session(encoder, rows=3, seed=5, limit=Limit(notes=15, ends=False))
                np.random.seed(other)
                torch.manual_seed(other)
                play(sampler, made)
                played.append(made.steps)
            require(
                np.array_equal(played[0], played[1]),
                expected="the same steps from seed 5, twice",
                got="different ones",
                look="random numbers that do not come from `session.rngs`",
            )


def streams(sampler: Sampler) -> None:
    """It yields while it works, so that people can hear the beginning before the end exists."""
    for encoder in ENCODERS:
        with given(f"encoder {encoder.name!r}"):
            made = session(encoder, limit=Limit(notes=200, ends=False))
            first = next(iter(sampler.generate(made)), None)
            require(first is not None, expected="a step", got="nothing", look="`generate`")
            require(
                not made.done.any() and int(made.notes.max()) < 100,
                expected="the first step before a row is done",
                got=f"notes {made.notes.tolist()} of 200",
                look="that `generate` yields in its loop",
            )


def keeps_to_the_grammar(sampler: Sampler) -> None:
    """Its steps are music: a new session accepts them, and they decode to as many notes."""
    for encoder in ENCODERS:
        with given(f"encoder {encoder.name!r}"):
            limit = Limit(notes=20, ends=False)
            made = session(encoder, rows=3, limit=limit)
            play(sampler, made)
            rows = [made.steps[row, : made.lengths[row]] for row in range(made.rows)]
            session(encoder, rows=made.rows, limit=limit).feed(rows)
            for row, steps in enumerate(rows):
                notes = len(encoder.decode(steps))
                require(
                    notes >= made.notes[row],
                    expected=f"{made.notes[row]} notes in row {row}",
                    got=f"{notes} decoded",
                    look="steps that are changed after they were decided",
                )


def goes_on_from_a_prompt(sampler: Sampler) -> None:
    """A prompt stays as it was, and new music follows it."""
    for encoder in ENCODERS:
        with given(f"encoder {encoder.name!r}"):
            made = session(encoder, limit=Limit(notes=6, ends=False))
            made.prompt([tune(1, 2), tune(2, 3)])
            before = [made.steps[row, : made.lengths[row]].copy() for row in range(2)]
            play(sampler, made)
            for row, fed in enumerate(before):
                kept = len(fed) < made.lengths[row] and np.array_equal(
                    made.steps[row, : len(fed)], fed
                )
                require(
                    kept and made.notes[row] > 0,
                    expected="the prompt, then something new",
                    got=f"row {row}: {made.lengths[row]} steps after a prompt of {len(fed)}",
                    look="`rewind` or `select` beyond what the sampler made itself",
                )


def goes_on_from_the_session(sampler: Sampler) -> None:
    """It goes on from a forked or rewound session as from a new one that was fed the same steps."""
    for encoder in ENCODERS:
        with given(f"encoder {encoder.name!r}"):
            made = session(encoder, limit=Limit(notes=16, ends=False))
            stream = sampler.generate(made)
            for _ in range(6):
                next(stream, None)
            stream.close()  # type: ignore[attr-defined]
            twins = made.fork(same=True), made.fork(same=True)
            _require_alike(sampler, *twins, "a session and its twin, `fork(same=True)`,")
            back = np.maximum(made.lengths - 2, 1)
            steps = [made.steps[row, :stop].copy() for row, stop in enumerate(back)]
            made.rewind(back)
            fresh = session(encoder, limit=Limit(notes=16, ends=False))
            fresh.feed(steps, made=True)
            for one in (made, fresh):
                one.rngs = [np.random.default_rng(seed) for seed in (3, 4)]
            _require_alike(sampler, made, fresh, "a session that was rewound and a fresh one")


def _require_alike(sampler: Sampler, first: Session, second: Session, what: str) -> None:
    for made in (first, second):
        play(sampler, made)
    rows: list[NDArray[np.bool_]] = []
    same = np.array_equal(first.lengths, second.lengths)
    if same:
        rows = [_steps(first, row) == _steps(second, row) for row in range(first.rows)]
    require(
        same and all(row.all() for row in rows),
        expected=f"{what} to go on alike",
        got=f"lengths {first.lengths.tolist()} and {second.lengths.tolist()}",
        look="what the sampler remembers outside of the session, from one `generate` to the next",
    )


def _steps(made: Session, row: int) -> Steps:
    steps = made.steps[row, : made.lengths[row]]
    return np.asarray(steps[(steps["mark"] != START) & (steps["mark"] != END)])


LAWS = (
    *OPTION_LAWS,
    stops_at_limits,
    is_sure_by_seed,
    streams,
    keeps_to_the_grammar,
    goes_on_from_a_prompt,
    goes_on_from_the_session,
)

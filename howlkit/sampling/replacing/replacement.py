"""Takes for a region of a piece: candidates drawn, weighed by what follows, and chosen."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints import Setting
from howlkit.constraints.rules import PolyphonyRule, Rules
from howlkit.errors import HowlkitError
from howlkit.music.tables import Table
from howlkit.protocols import Constraint, Rule
from howlkit.sampling.generation import SessionMaker
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.replacing.candidates import (
    Candidates,
    StoppedError,
    Watch,
    session_before,
)
from howlkit.sampling.replacing.given import Given, as_given
from howlkit.sampling.replacing.joining import join
from howlkit.sampling.replacing.lead_ins import lead_ins
from howlkit.sampling.replacing.region import Region
from howlkit.sampling.replacing.takes import Take, choose

__all__ = ["CANDIDATES", "replace"]

CANDIDATES = 32
"""How many candidates are drawn for a region."""

INCOMPLETE = 1000.0
"""Nats for each note that a candidate lacks of what was given, when candidates are ordered."""

ROUNDS = 3
"""How many rounds of other ends there are, each half as long as the one before."""

QUOTED = 16
"""How many candidates at most end with what leads to the same music elsewhere in the piece."""

SURVIVORS = 4
"""One in so many candidates of a round, those that join best, gets other ends in the next one."""


def replace(
    trained: SessionMaker,
    region: Region,
    *,
    takes: int = 1,
    seed: int = 0,
    candidates: int = CANDIDATES,
    params: SamplingParams = SamplingParams(top_p=0.98),
    constraints: Sequence[Constraint] = (),
    given: Given | None = None,
    watch: Watch | None = None,
    rounds: int = ROUNDS,
    quotes: bool = False,
) -> list[Take]:
    """Return takes of a region, the one that joins best first.

    takes: how many, at most `candidates`. seed: another seed gives other takes. candidates: how
    many are drawn to choose from; 1: one plain continuation. params: how steps are drawn.
    constraints: what may sound. given: "rhythm" or "pitches", what new notes have of those that
    they replace. watch: called with the new notes of the first candidate as they come; if it
    returns True, what there is by then comes back. rounds: how often the best candidates get other
    ends; 0: all are plain continuations. quotes: whether other ends may also be what leads to the
    same music elsewhere in the piece (lead_ins.py), whatever the constraints say of it.
    Raises HowlkitError if constraints cannot hold.
    """
    if not 1 <= takes <= candidates:
        raise HowlkitError(f"{takes} takes of {candidates} candidates; 1..{candidates} are allowed")
    drafts = _begin(
        trained,
        region,
        seed=seed,
        candidates=candidates,
        groups=takes if len(region.inside) else 1,
        params=params,
        constraints=constraints,
        given=given,
        watch=watch,
    )
    rng = np.random.default_rng([seed, region.begin, region.stop])
    quotes = quotes and given is None and not len(region.inside)
    made, joins = _rounds(drafts, rng, rounds if candidates > 1 else 0, quotes=quotes)
    missing = np.zeros(len(made)) if given is None else _take_over(made, region, given)
    chosen = choose(made, joins + INCOMPLETE * missing, takes, region.original)
    return [
        Take(region.with_notes(new), new, float(joins[k]), distance, complete=not missing[k])
        for k, distance in chosen
        for new in [region.fitted(made[k], may_last=given == "rhythm")]
    ]


def _rounds(
    drafts: Candidates, rng: np.random.Generator, rounds: int, *, quotes: bool
) -> tuple[list[Table], NDArray[np.float64]]:
    """Let candidates play their region, and the best of each round get another end in the next one.

    Returns the notes of all rounds (K tables) and their joins (K,). If somebody who watches has
    stopped the work, they are those of the rounds that were over, or else what there was by then,
    with NaN.
    """
    made: list[Table] = []
    joins: list[NDArray[np.float64]] = []
    count, after = drafts.session.rows, -1
    with contextlib.suppress(StoppedError):
        for edge in [*_edges(drafts.region, rounds), None]:
            others = _play(drafts, rng, after=after, fork_at=edge)
            joins.append(join(drafts))
            made += drafts.notes
            if others is None or edge is None:
                break
            best = np.argsort(joins[-1], kind="stable")[: max(1, count // SURVIVORS)]
            if quotes and after < 0 and (quoted := _led_in(drafts, others, best, edge)):
                joins.append(join(quoted))
                made += quoted.notes
            others.select(np.resize(drafts.ancestors[best], count).astype(np.intp))
            drafts, after = others, edge
    if not made:
        return drafts.notes, np.full(count, np.nan)
    return made, np.concatenate(joins)


def _led_in(
    drafts: Candidates, others: Candidates, best: NDArray[np.intp], edge: int
) -> Candidates | None:
    """Return the best candidates with lead-ins of their piece from a tick on; None: there are none.

    others: the fork of `drafts` at that tick. They have the notes, and have not played them.
    """
    places = lead_ins(drafts.region, edge)
    if not places:
        return None
    each = best[: max(1, QUOTED // len(places))].tolist()
    quoted = others.fork()
    quoted.select(np.tile(drafts.ancestors[each], len(places)))
    quoted.notes = [
        np.concatenate((own[own["start"] < edge], notes))
        for notes in places
        for own in [drafts.notes[row] for row in each]
    ]
    return quoted


def _take_over(made: list[Table], region: Region, given: Given) -> NDArray[np.float64]:
    """Put what is given into the notes `made`; return (K,) how much of it each lacks, 0 if nothing.

    A candidate in which not all of it fitted stays as it was drawn.
    """
    missing = np.zeros(len(made))
    for k, notes in enumerate(made):
        whole = as_given(region, notes, given)
        if whole is not None:
            made[k] = whole
        else:
            missing[k] = 1 + abs(len(region.original) - len(notes))
    return missing


class _Heard:
    """A constraint that forbids nothing, so that the session follows what sounds."""

    name: ClassVar[str] = "heard"

    def begin(self, setting: Setting) -> Rule:
        """Return a rule that always holds."""
        return Rules((PolyphonyRule(2**40),))


def _begin(
    trained: SessionMaker,
    region: Region,
    *,
    seed: int,
    candidates: int,
    groups: int,
    params: SamplingParams,
    constraints: Sequence[Constraint],
    given: Given | None,
    watch: Watch | None,
) -> Candidates:
    """Return candidates that have heard what comes before the region, and no more."""
    if given is not None:
        constraints = [*constraints, _Heard()]
    session = session_before(trained, region, seed=seed, constraints=constraints)
    session.select(np.zeros(candidates, np.intp))
    return Candidates(session, region, params, groups=groups, given=given, watch=watch)


def _play(
    drafts: Candidates,
    rng: np.random.Generator,
    *,
    after: int = -1,
    fork_at: int | None = None,
) -> Candidates | None:
    """Let candidates play the region to its end, from the tick `after` on.

    fork_at: a tick at which they are copied; the copies are returned.
    """
    region, half = drafts.region, None
    kept = set(region.inside["start"].tolist())
    ticks = kept | {region.stop} | ({fork_at} if fork_at is not None else set())
    for tick in sorted(tick for tick in ticks if tick > after):
        if tick > region.begin:
            drafts.play_to(tick, look=tick in kept or tick == region.stop)
        if tick in kept:
            drafts.hear(tick, rng)
        if tick == fork_at:
            half = drafts.fork()
    return half


def _edges(region: Region, rounds: int) -> list[int]:
    """Return the ticks from which on the best candidates get other ends, in rising order.

    The first is where the last bar begins, or the middle of a region of one or two bars; each next
    one is half as far from the end.
    """
    _, bar = region.piece.bar_at(region.stop - 1)
    open_ticks = min((region.stop - region.begin) // 2, bar)
    ends = [open_ticks >> number for number in range(rounds)]
    return [region.stop - end for end in ends if end]

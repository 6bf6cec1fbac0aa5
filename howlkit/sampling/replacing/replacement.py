"""Takes for a region of a piece: candidates drawn, weighed by what follows, and chosen."""

from __future__ import annotations

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
from howlkit.sampling.replacing.region import Region
from howlkit.sampling.replacing.takes import Take, choose

__all__ = ["CANDIDATES", "replace"]

CANDIDATES = 32
"""How many candidates are drawn for a region."""

INCOMPLETE = 1000.0
"""Nats for each note that a candidate lacks of what was given, when candidates are ordered."""

SURVIVORS = 4
"""One in so many candidates, those that join best, gets other last bars."""


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
) -> list[Take]:
    """Return takes of a region, the one that joins best first.

    takes: how many, at most `candidates`. seed: another seed gives other takes. candidates: how
    many are drawn to choose from; 1: one plain continuation. params: how steps are drawn.
    constraints: what may sound. given: "rhythm" or "pitches", what new notes have of those that
    they replace. watch: called with the new notes of the first candidate as they come; if it
    returns True, what there is by then comes back.
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
    pool, joins = [drafts], np.full(candidates, np.nan)
    try:
        half = _play(drafts, rng, fork_at=_last_bar(region) if candidates > 1 else None)
        joins = join(drafts)
        if half is not None:
            best = np.argsort(joins, kind="stable")[: max(1, candidates // SURVIVORS)]
            half.select(np.resize(drafts.ancestors[best], candidates).astype(np.intp))
            _play(half, rng, after=_last_bar(region))
            pool, joins = [drafts, half], np.concatenate((joins, join(half)))
    except StoppedError:  # what was made by then is chosen from
        pass
    made = [notes for part in pool for notes in part.notes]
    missing = np.zeros(len(made)) if given is None else _take_over(made, region, given)
    chosen = choose(made, joins + INCOMPLETE * missing, takes, region.original)
    return [
        Take(region.with_notes(new), new, float(joins[k]), distance, complete=not missing[k])
        for k, distance in chosen
        for new in [region.fitted(made[k], may_last=given == "rhythm")]
    ]


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
            drafts.play_to(tick)
        if tick in kept:
            drafts.hear(tick, rng)
        if tick == fork_at:
            half = drafts.fork()
    return half


def _last_bar(region: Region) -> int:
    """Return the tick at which the last bar of a region begins; of one or two bars, the middle."""
    _, bar = region.piece.bar_at(region.stop - 1)
    middle = region.begin + (region.stop - region.begin) // 2
    return max(region.stop - bar, middle)

"""What a run advises for new music, found after training: temperatures, and emphasis.

Made music is fed back into the model, so small errors add up: drawn as the model says, it wanders
off to more pitches, lengths and rhythms than a real piece has, and comes back to itself less often
(Braverman et al. 2020, "Calibration, entropy rates, and memory in language models", saw this drift
in text). Much cooler, it falls into loops. What is right depends on the music: for pitches of pop
songs it may be a temperature of 0.8, for folk tunes 0.9. So the trained model makes some music, and

    each field is cooled until its values have the entropy
    votes of earlier notes count for more (`emphasis`) until passages come back as often
    what sounds counts for more until notes are as consonant with it

as in excerpts of the training music (`training.variety`). No field is ever made hotter than 1, and
nothing counts for less than it was learnt to.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from howlkit import plugins
from howlkit.errors import HowlkitError
from howlkit.sampling import generation
from howlkit.sampling.advice import FACT
from howlkit.sampling.emphasis import EMPHASIS
from howlkit.sampling.limits import Limit
from howlkit.sampling.steering import constraints_of
from howlkit.sampling.trained import Trained
from howlkit.sampling.wishes import Wishes
from howlkit.schema import Schema, Steps
from howlkit.training import model_folder, run_folders
from howlkit.training.variety import VARIETY, entropies, shares, typical

__all__ = ["Tuning", "find_tuning", "tune"]

FEWEST_STEPS = 200
"""Nothing makes a network that was trained for less play like its training music."""

ROWS = 48
"""So many excerpts are made in each round."""

STEPS = (1.0, 1.0, 0.8, 0.6, 0.5)
"""How much of the way to what seems right each round goes."""

LAST = 3
"""The mean of so many rounds counts."""

NEAR_1 = 0.03
"""What is this near to 1 is 1 but for chance."""

HELPS = 0.25
"""A temperature that takes away less of what was too much is given up: the variety comes of other
fields, or of how the music goes on."""

COOLEST = 0.7
"""No field is made cooler: what needs that was learnt too badly for temperatures to help."""

STRONGEST = 1.5
"""Nothing counts for more: music that goes by little else falls into loops."""

FARTHEST = 0.1
"""Nothing changes by more in a round. Entropies rise with the temperature about in proportion, so a
field that is too varied by a part is cooled by that part."""

EMPHASISED = {"votes": ("repeated", 0.1), "sounding": ("consonant", 1.0)}
"""What can be emphasised: by which share it is judged, and how much a factor grows for each unit by
which the logit of that share is too low. Of pop songs and of folk tunes, 0.1 more on votes adds 0.4
to 1.0 to the logit, and 0.1 more on what sounds 0.04 to 0.09."""

SAMPLER = "autoregressive"


@dataclass(frozen=True)
class Tuning:
    """By field, temperatures, and by part (`emphasis.PARTS`), emphases, where they are not 1."""

    temperatures: Mapping[str, float]
    emphasis: Mapping[str, float]

    def __str__(self) -> str:
        """Say what was found, as `train` prints it."""
        parts = {"temperatures": self.temperatures, "emphasis": self.emphasis}
        found = "; ".join(
            f"{what} " + ", ".join(f"{name} {value:.2f}" for name, value in values.items())
            for what, values in parts.items()
            if values
        )
        return f"New music is drawn so that it is as varied as the training music: {found}"

    def applied(self, trained: Trained) -> Trained:
        """Return a model that advises this; what it advises on other fields stays."""
        advice = dict(trained.facts.get(FACT) or {})
        for name, temperature in self.temperatures.items():
            advice[name] = {**advice.get(name, {}), "temperature": temperature}
        facts = {**trained.facts, FACT: advice, EMPHASIS: dict(self.emphasis)}
        return dataclasses.replace(trained, facts=facts)


def tune(run: Path) -> str | None:
    """Find what is right for a run that was trained, and write it to what the run advises.

    Returns what was found, in words, or why nothing could be; None if there was nothing to find, or
    to change. Takes seconds; the same run gets the same.
    """
    try:
        trained = Trained.from_pretrained(run, device="auto", stepping=None)
        if trained.facts.get("step", 0) < FEWEST_STEPS:
            return None
        found = find_tuning(trained)
        if not found.temperatures and not found.emphasis:
            return None
        facts = found.applied(trained).facts
        model_folder.rewrite_facts(run_folders.find_model(run), trained.recipe, facts)
    except HowlkitError as error:
        return f"No temperatures were found for new music, which is drawn at 1: {error}"
    return str(found)


def find_tuning(trained: Trained) -> Tuning:
    """Return the temperatures and emphases that are right, where they are not 1.

    Only what the run says of its training music can be found. Temperatures come first, since an
    emphasis makes fields less varied too, and cool fields stay nearer to what was learnt.
    """
    temperatures = _find_temperatures(Tuning({}, {}).applied(trained))
    emphasis = _find_emphasis(Tuning(temperatures, {}).applied(trained))
    return Tuning(temperatures, emphasis)


def _find_temperatures(trained: Trained) -> dict[str, float]:
    """Return by field what `Tuning` says.

    A temperature that does not make a field less varied is left out.
    """
    known = _known(trained, "entropies")
    names = [field.name for field in trained.recipe.encoder.schema.decisions]
    names = [name for name in names if known.get(name)]
    if not names:
        return {}
    aims = np.array([known[name] for name in names])
    at, after = np.ones(len(names)), []
    first = made = aims
    for number, step in enumerate(STEPS):
        tuning = Tuning(dict(zip(names, at.tolist(), strict=True)), {})
        found = _made(tuning.applied(trained), entropies, number)
        made = np.array([found[name] for name in names])
        first = made if number == 0 else first
        moves = np.clip(step * (1 - made / aims), -FARTHEST, FARTHEST)
        at = np.clip(at + np.nan_to_num(moves), COOLEST, 1.0)
        after.append(at)
    at = np.mean(after[-LAST:], axis=0)  # there is chance in each
    at = np.where(first - made >= HELPS * (first - aims), at, 1.0)
    return _not_1(dict(zip(names, at.tolist(), strict=True)))


def _find_emphasis(trained: Trained) -> dict[str, float]:
    """Return by part what `Tuning` says, where values are drawn as the model advises."""
    known, heads = _known(trained, "shares"), trained.recipe.heads
    names = [name for name, (by, _) in EMPHASISED.items() if getattr(heads, name) and by in known]
    factors, after = dict.fromkeys(names, 1.0), []
    for number, step in enumerate(STEPS if names else ()):
        made = _made(Tuning({}, factors).applied(trained), shares, number)
        for name in names:
            by, rate = EMPHASISED[name]
            move = step * rate * (_logit(known[by]) - _logit(made[by]))
            move = 0.0 if math.isnan(move) else min(max(move, -FARTHEST), FARTHEST)
            factors[name] = min(max(factors[name] + move, 1.0), STRONGEST)
        after.append(dict(factors))
    return _not_1({name: float(np.mean([each[name] for each in after[-LAST:]])) for name in names})


def _known(trained: Trained, what: str) -> Mapping[str, float]:
    """Return what the run says of its training music by this name; {}: nothing."""
    found: Mapping[str, float] = (trained.facts.get(VARIETY) or {}).get(what) or {}
    return found


def _logit(share: float) -> float:
    """Return ln(p / (1 - p)), of a share that is neither 0 nor 1 but for chance."""
    known = min(max(share, 0.005), 0.995)
    return math.nan if math.isnan(share) else math.log(known / (1 - known))


def _not_1(found: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers, to two places, of which it can be said that they are not 1."""
    rounded = {name: round(value, 2) for name, value in found.items()}
    return {name: value for name, value in rounded.items() if round(abs(value - 1), 2) > NEAR_1}


def _made(
    trained: Trained, measure: Callable[[Schema, Steps, int], dict[str, float]], seed: int
) -> dict[str, float]:
    """Return what is typical of new excerpts, drawn as the model advises, by a measure of each."""
    steps = trained.facts[VARIETY]["steps"]
    session = generation.begin(
        trained,
        rows=ROWS,
        seed=seed,
        limit=Limit(notes=steps, ends=False),
        constraints=constraints_of(Wishes()),
    )
    for _ in plugins.create("sampler", SAMPLER, trained.facts[FACT]).generate(session):
        if int(session.lengths.max()) > steps:
            break
    schema = trained.recipe.encoder.schema
    found = [measure(schema, session.steps_of(row), steps) for row in range(session.rows)]
    return {name: typical([each[name] for each in found]) for name in found[0]}

"""Temperatures at which a run makes music as varied as its training music, found after training.

Made music is fed back into the model, so small errors add up: at temperature 1 it wanders off to
more pitches, lengths and rhythms than a real piece has, and comes back to itself less often
(Braverman et al. 2020, "Calibration, entropy rates, and memory in language models", saw this drift
in text). Much cooler, it falls into loops. What is right depends on the music and on the field: for
pitches of pop songs it may be 0.8, for folk tunes 0.9. So the trained model makes some music, and
each field is cooled until its values have the entropy that they have in excerpts of the training
music (`training.variety`). No field is ever made hotter than 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit import plugins
from howlkit.errors import HowlkitError
from howlkit.sampling import generation
from howlkit.sampling.advice import FACT
from howlkit.sampling.limits import Limit
from howlkit.sampling.steering import constraints_of
from howlkit.sampling.trained import Trained
from howlkit.sampling.wishes import Wishes
from howlkit.training import model_folder, run_folders
from howlkit.training.variety import VARIETY, entropies, typical

__all__ = ["find_temperatures", "tune"]

FEWEST_STEPS = 200
"""No temperature makes a network that was trained for less play like its training music."""

ROWS = 48
"""So many excerpts are made in each round."""

STEPS = (1.0, 1.0, 0.8, 0.6, 0.5)
"""How much of the way to the temperature that seems right each round goes."""

LAST = 3
"""The mean of so many rounds counts."""

NEAR_1 = 0.97
"""From here on a temperature is 1 but for chance."""

HELPS = 0.25
"""A temperature that takes away less of what was too much is given up: the variety comes of other
fields, or of how the music goes on."""

COOLEST = 0.7
"""No field is made cooler: what needs that was learnt too badly for temperatures to help."""

FARTHEST = 0.1
"""A temperature changes by at most so much in a round. Entropies rise with it about in proportion,
so a field that is too varied by a part is cooled by that part."""

SAMPLER = "autoregressive"

Floats = NDArray[np.float64]


def tune(run: Path) -> str | None:
    """Find temperatures for a run that was trained, and write them to its advice.

    Returns what was found, in words, or why nothing could be; None if there was nothing to find, or
    to change. Takes seconds; the same run gets the same temperatures.
    """
    try:
        trained = Trained.from_pretrained(run, device="auto", stepping=None)
        if trained.facts.get("step", 0) < FEWEST_STEPS:
            return None
        found = find_temperatures(trained)
        if not found:
            return None
        folder, advice = run_folders.find_model(run), _advice_with(found, trained)
        model_folder.rewrite_facts(folder, trained.recipe, {**trained.facts, FACT: advice})
    except HowlkitError as error:
        return f"No temperatures were found for new music, which is drawn at 1: {error}"
    words = ", ".join(f"{name} {temperature:.2f}" for name, temperature in found.items())
    return (
        f"New music is drawn at temperatures that make it as varied as the training music: {words}"
    )


def find_temperatures(trained: Trained) -> dict[str, float]:
    """Return by field the temperatures that are right, where they are not 1.

    Only fields of which the run says how varied they are in its training music count, and of these
    only fields whose music a lower temperature makes less varied.
    """
    known: Mapping[str, Any] = trained.facts.get(VARIETY) or {}
    schema, wanted = trained.recipe.encoder.schema, known.get("entropies", {})
    names = [field.name for field in schema.decisions if wanted.get(field.name)]
    if not names:
        return {}
    aims = np.array([wanted[name] for name in names])
    at, after = np.ones(len(names)), []
    first = made = aims
    for number, step in enumerate(STEPS):
        made = _entropies_at(trained, dict(zip(names, at.tolist(), strict=True)), number)
        first = made if number == 0 else first
        moves = np.clip(step * (1 - made / aims), -FARTHEST, FARTHEST)
        at = np.clip(at + np.nan_to_num(moves), COOLEST, 1.0)
        after.append(at)
    at = np.mean(after[-LAST:], axis=0)  # there is chance in each
    at = np.where(first - made >= HELPS * (first - aims), at, 1.0)
    rounded = {name: round(float(value), 2) for name, value in zip(names, at, strict=True)}
    return {name: value for name, value in rounded.items() if value < NEAR_1}


def _entropies_at(trained: Trained, temperatures: Mapping[str, float], seed: int) -> Floats:
    """Return (F,): the typical entropy of the values of each field, in new excerpts."""
    steps = trained.facts[VARIETY]["steps"]
    sampler = plugins.create("sampler", SAMPLER, _advice_with(temperatures, trained))
    session = generation.begin(
        trained,
        rows=ROWS,
        seed=seed,
        limit=Limit(notes=steps, ends=False),
        constraints=constraints_of(Wishes()),
    )
    for _ in sampler.generate(session):
        if int(session.lengths.max()) > steps:
            break
    rows = [session.steps_of(row) for row in range(session.rows)]
    schema = trained.recipe.encoder.schema
    found = [entropies(schema, row, steps) for row in rows]
    return np.array([typical([each[name] for each in found]) for name in temperatures])


def _advice_with(temperatures: Mapping[str, float], trained: Trained) -> dict[str, Any]:
    """Return what a run advises, with these temperatures of fields."""
    advice = dict(trained.facts.get(FACT) or {})
    for name, temperature in temperatures.items():
        advice[name] = {**advice.get(name, {}), "temperature": temperature}
    return advice

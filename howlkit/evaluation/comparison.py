"""What `howlkit evaluate` reports: rates with intervals of one run, and runs beside each other.

Rates are ratios of sums over all pieces: nats a note (the notes that the run's own encoder keeps)
and nats a second (of the music as it was given, the same for every encoder), for the model and for
its unigram baseline, and their ratio, by field and over all fields that have a likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from howlkit.evaluation.bootstrap import LEVEL, UNDEFINED, Estimate, Resamples
from howlkit.network.likelihood import Scores
from howlkit.plugins.exemptions import why_at_most
from howlkit.schema import MARK
from howlkit.training.recipe import Recipe

__all__ = ["Measured", "report"]

Rates = Mapping[str, Estimate]


@dataclass(frozen=True)
class Measured:
    """A run and what it made of some pieces. name: what to call it in a table.

    losses: what its encoder loses of these pieces, by what a table calls it; a coarser encoding has
    less to predict, so nats alone do not compare encoders. None where there is nothing to lose.
    """

    name: str
    recipe: Recipe
    scores: Scores
    baseline: Scores
    losses: Mapping[str, float | None]


def report(measured: Sequence[Measured], resamples: Resamples, *, split: str) -> dict[str, Any]:
    """Return what `howlkit evaluate --json` prints of runs measured on the same pieces.

    The first run's numbers stand at the top; "compared" has the same of each of the others, and
    "difference", its rates less those of the first, both of the same resamples.
    """
    first, *others = (_Rates.of(run, resamples) for run in measured)
    encoded = first.run.scores.encoded
    return {
        **_described(first),
        "pieces": len(encoded.rows),
        "seconds": float(encoded.seconds.sum()),
        "split": split,
        "bootstrap": {
            "groups": resamples.units,
            "resamples": resamples.number,
            "level": LEVEL,
            "seed": resamples.seed,
        },
        "compared": [_described(run) | {"difference": _difference(run, first)} for run in others],
    }


@dataclass(frozen=True)
class _Rates:
    """A run and its rates: of each field that has a likelihood, of their sum, and of `mark`."""

    run: Measured
    fields: Mapping[str, Rates]
    total: Rates
    mark: Rates

    @classmethod
    def of(cls, run: Measured, resamples: Resamples) -> _Rates:
        """Return the rates of a run and what they are in each resample."""
        encoded, names = run.scores.encoded, run.scores.summed
        columns = {("notes", ""): encoded.note_counts, ("seconds", ""): encoded.seconds}
        for name in (MARK.name, *names):
            columns["model", name] = run.scores.of(name)
            columns["unigram", name] = run.baseline.of(name)
        sums = resamples.sums(columns)

        def rates(*fields: str) -> Rates:
            model, unigram = (
                reduce(add, [sums[who, name] for name in fields]) if fields else UNDEFINED
                for who in ("model", "unigram")
            )
            return {
                "nats_per_note": model / sums["notes", ""],
                "baseline_nats_per_note": unigram / sums["notes", ""],
                "nats_per_second": model / sums["seconds", ""],
                "baseline_nats_per_second": unigram / sums["seconds", ""],
                "ratio": model / unigram,
            }

        return cls(run, {name: rates(name) for name in names}, rates(*names), rates(MARK.name))


def _described(rates: _Rates) -> dict[str, Any]:
    """Return all about one run, JSON-ready."""
    run, scores = rates.run, rates.run.scores
    return {
        **_about(run),
        "at_most": why_at_most(run.recipe.encoder) or None,
        "recipe": run.recipe.to_json(),
        **_numbers(rates.total),
        "fields": {name: _numbers(of_field) for name, of_field in rates.fields.items()},
        "mark": _numbers(rates.mark),
        "no_likelihood": [name for name in scores.fields if name in scores.no_likelihood],
        "by_piece": _by_piece(run),
    }


def _about(run: Measured) -> dict[str, Any]:
    """Return what tells runs apart in a table, a column each."""
    encoded, recipe = run.scores.encoded, run.recipe
    return {
        "run": run.name,
        "encoder": recipe.encoder.name,
        "model": recipe.model.name,
        "heads": "chained" if recipe.heads.chained else "independent",
        "notes": encoded.notes,
        "steps_per_note": int(encoded.step_counts.sum()) / encoded.notes,
        **run.losses,
    }


def _by_piece(run: Measured) -> list[dict[str, Any]]:
    """Return the sums of each piece, in nats, by field (`mark` among them) and in all."""
    scores, baseline, encoded = run.scores, run.baseline, run.scores.encoded
    columns = {
        "name": encoded.names,
        "notes": encoded.note_counts.tolist(),
        "seconds": encoded.seconds.tolist(),
        "steps": encoded.step_counts.tolist(),
        "nats": scores.totals.tolist(),
        "baseline_nats": baseline.over(scores.summed).tolist(),
        "fields": [dict(zip(scores.fields, row, strict=True)) for row in scores.nats.tolist()],
        "baseline_fields": [
            dict(zip(scores.fields, row, strict=True)) for row in baseline.nats.tolist()
        ],
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _difference(rates: _Rates, first: _Rates) -> dict[str, Any] | None:
    """Return the rates less those of the first run; None if not both are likelihoods of all."""
    if rates.run.scores.no_likelihood or first.run.scores.no_likelihood:
        return None
    names = ("nats_per_note", "nats_per_second")
    return _numbers({name: rates.total[name] - first.total[name] for name in names})


def _numbers(rates: Rates) -> dict[str, Any]:
    """Return the values by name and their intervals; null where a number is undefined."""
    values = {
        name: rate.value if math.isfinite(rate.value) else None for name, rate in rates.items()
    }
    return {**values, "intervals": {name: rate.interval for name, rate in rates.items()}}

"""What `howlkit info` says of a run: the facts, and the lines that a person wants first.

A run may be whole, without a model yet, or only the model folder, copied somewhere.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from howlkit.commands.output_files import next_free
from howlkit.commands.shared_options import quoted
from howlkit.errors import printable

__all__ = ["OPTIONS", "facts_of_run", "lines_of_run", "next_for_run"]

OPTIONS = ("recipe", "seed", "precision", "init", "budget", "versions")
"""The facts that only `--all` and `--json` show."""

Facts = dict[str, Any]


def facts_of_run(path: Path) -> Facts:
    """Return the facts about a run or a model folder, JSON-ready; None for what is not known.

    trained: when the weights were last written, in seconds since 1970. seconds: of training.
    step: of the kept weights; steps: done in all. Raises CheckpointError if a file is damaged.
    """
    from howlkit.training.checkpoint import read_json
    from howlkit.training.progress import Metrics

    found = path / "config.json"
    config = read_json(found if found.is_file() else path / "model" / "config.json")
    folder = path / "model" if (path / "model" / "config.json").is_file() else path
    facts = read_json(folder / "config.json").get("facts", {})
    reports = Metrics(path / "metrics.jsonl").read()
    last = reports[-1] if reports else None
    data = config.get("data") or facts.get("data", {})
    nats, baseline = facts.get("nats_per_note"), facts.get("baseline_nats_per_note")
    weights = folder / "model.safetensors"
    return {
        "run": str(path),
        "data": data.get("summary"),
        "sources": data.get("sources", []),
        "nats_per_note": nats,
        "baseline_nats_per_note": baseline,
        "ratio": nats / baseline if nats is not None and baseline else None,
        "trained": weights.stat().st_mtime if weights.is_file() else None,
        "seconds": last.seconds if last else None,
        "step": facts.get("step"),
        "steps": last.step if last else facts.get("step"),
        "fraction": last.fraction if last else None,
        "weights": _weights(weights),
        "sampling": facts.get("sampling") or None,
        "emphasis": facts.get("emphasis") or None,
        "recipe": config.get("recipe", {}),
        "seed": config.get("seed"),
        "precision": config.get("precision"),
        "init": config.get("init"),
        "budget": config.get("budget"),
        "versions": config.get("versions") or facts.get("versions"),
    }


def _weights(path: Path) -> int | None:
    """Return how many numbers a file of weights holds, from its header; None without a file."""
    from howlkit.training.weights import read_shapes

    if not path.is_file():
        return None
    return sum(map(math.prod, read_shapes(path).values()))


def lines_of_run(facts: Mapping[str, Any]) -> list[str]:
    """Return what a person wants of a run: music, nats, when and how long, encoder and model."""
    rows = {
        "music": facts["data"] or "not known",
        "from": ", ".join(facts["sources"]),
        "learnt": _learnt(facts),
        "trained": _trained(facts),
        "encoder": _component(facts, "encoder"),
        "model": _model(facts),
        "augmented by": ", ".join(each["name"] for each in facts["recipe"].get("augmenters", [])),
        "drawn with": _advice(facts["sampling"]),
        "emphasis": ", ".join(f"{k}={v:g}" for k, v in (facts["emphasis"] or {}).items()),
    }
    width = max(map(len, rows)) + 2
    return [f"{name:{width}}{printable(text)}" for name, text in rows.items() if text]


def _advice(sampling: Mapping[str, Mapping[str, float]] | None) -> str:
    """Return how values are drawn where nothing is said; "" if the run does not advise it."""
    own = [
        f"{field}.{name}={value:g}"
        for field, options in (sampling or {}).items()
        for name, value in options.items()
    ]
    return ", ".join(own)


def _learnt(facts: Mapping[str, Any]) -> str:
    nats, baseline = facts["nats_per_note"], facts["baseline_nats_per_note"]
    if nats is None:
        return "nothing measured yet" if facts["trained"] is None else "not validated"
    if not baseline:
        return f"{nats:.3f} nats a note in validation"
    return (
        f"{nats:.3f} nats a note in validation, {facts['ratio']:.3f} of a unigram model "
        f"({baseline:.3f})"
    )


def _trained(facts: Mapping[str, Any]) -> str:
    from howlkit.training.size_words import duration

    parts = []
    if facts["trained"] is not None:
        parts.append(time.strftime("%d %B %Y, %H:%M", time.localtime(facts["trained"])))
    if facts["steps"] is not None:
        took = f" in {duration(facts['seconds'])}" if facts["seconds"] else ""
        parts.append(f"{facts['steps']:,} steps{took}")
    if facts["step"] not in (None, facts["steps"]):
        parts.append(f"best at step {facts['step']:,}")
    if _unfinished(facts):
        parts.append(f"{100 * facts['fraction']:.0f} % of what it was given")
    return ", ".join(parts) or "not yet"


def _unfinished(facts: Mapping[str, Any]) -> bool:
    return facts["fraction"] is not None and facts["fraction"] < 1


def _component(facts: Mapping[str, Any], kind: str) -> str:
    component = facts["recipe"].get(kind, {})
    name, distribution = component.get("name", "not known"), component.get("distribution")
    return name if distribution in (None, "howlkit") else f"{name} ({distribution})"


def _model(facts: Mapping[str, Any]) -> str:
    from howlkit.training.size_words import network_size

    size = "" if facts["weights"] is None else f", {network_size(facts['weights'])}"
    return _component(facts, "model") + size


def next_for_run(path: Path, facts: Mapping[str, Any]) -> str:
    """Return what to do next with a run: make music, or train it further."""
    from howlkit.training.run_folders import longer, resume_command
    from howlkit.training.run_lock import holder

    if trainer := holder(path):
        return f"It is being trained by {trainer}"
    resume = resume_command(path)
    if facts["trained"] is None:
        return f"It has no model yet; train it further: {resume}"
    if facts["ratio"] is not None and facts["ratio"] >= 1 and facts["budget"]:
        return f"It is worse than a unigram model; train it longer: {longer(path, facts['budget'])}"
    music = f"Make music with it: howlkit sample {quoted(path)} --out {next_free(Path('new.mid'))}"
    return f"{music}\nTrain it further: {resume}" if _unfinished(facts) else music

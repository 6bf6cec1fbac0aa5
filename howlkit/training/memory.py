"""Whether a training fits into memory, said before that memory is taken.

Two things are estimated, both from below, in float32:

- What each weight takes: itself, its gradient and AdamW's two moments, and its average if EMA is
  on. (Muon keeps one moment, and takes as much again while it computes.) Where weights lie in the
  memory of the CPU, saving takes more than training: the weights, the two moments, and two copies
  of what is written to one file.
- What the backward pass keeps of the largest batch. Before the network is built that is, for each
  step of each row, twice as many numbers as all matrices outside the embedding have rows (what a
  matrix gives, and what a function makes of it). With the built network it is measured on a row of
  a few steps.

The real peak of lstm, gru, transformer and ssm was 1.2 to 3 times the measured estimate. So what is
refused does not fit, and what takes half of the memory or more is told to the user.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from howlkit import options
from howlkit.errors import HowlkitError
from howlkit.network.build import build_shapes
from howlkit.network.free_memory import free_memory
from howlkit.network.network import Network
from howlkit.plugins.checked import unwrapped
from howlkit.schema import START, Schema
from howlkit.training.recipe import Recipe
from howlkit.training.size_words import bytes_in_words, weights_in_words
from howlkit.training.windows import Windows

__all__ = ["MemoryCheck", "bytes_of_batch", "explained"]

FLOAT = 4  # bytes


@dataclass(frozen=True)
class Need:
    """The least that training takes: the number of weights; bytes for them, and for a batch."""

    weights: int
    for_weights: int
    for_batch: int

    @property
    def bytes(self) -> int:
        """All bytes together."""
        return self.for_weights + self.for_batch


@dataclass(frozen=True)
class MemoryCheck:
    """Compares what a training takes with what its device has free.

    precision: "32" or "bf16". tell: is called with a line for the user if it will be tight.
    """

    recipe: Recipe
    windows: Windows
    device: torch.device
    precision: str = "32"
    tell: Callable[[str], None] = lambda line: None

    def before_building(self) -> None:
        """Raise HowlkitError if the shapes of the network say that it does not fit.

        Nothing is checked if the network cannot be built without memory, as may be with a plugin's,
        or if it is not known what the device has free.
        """
        free, need = free_memory(self.device), self._need(self.recipe)
        if free is not None and need is not None and need.bytes > free:
            self._refuse(need, free)

    def built(self, network: Network) -> None:
        """Raise HowlkitError if the built network does not fit with its largest batch.

        The network and torch's random numbers are afterwards as they were.
        """
        free = free_memory(self.device)
        if free is None:
            return
        ema, rows_and_steps = bool(self.recipe.training.ema), self._batch(self.recipe)
        number = FLOAT // 2 if self.precision == "bf16" else FLOAT
        batch = bytes_of_batch(network, self.recipe.encoder.schema, *rows_and_steps)
        need = self._of_weights(network, ema, batch * number // FLOAT)
        free += (1 + ema) * FLOAT * need.weights  # they lie there already
        if need.bytes > free:
            self._refuse(need, free)
        if need.bytes > free / 2:
            self.tell(
                f"Note: training takes {bytes_in_words(need.bytes)} or more of the "
                f"{bytes_in_words(free)} that {self.device} has free. If memory runs out, take a "
                f"smaller network, {self._fewer()}"
            )

    def _fewer(self) -> str:
        """Return options that make a batch half as large."""
        rows, steps = self._batch(self.recipe)
        parts = min(2 * self.recipe.training.accumulate, self.recipe.training.batch)
        return (
            f"-o training.accumulate={parts}, -o training.batch={max(rows // 2, 1)} or "
            f"-o training.window={max(steps // 2, 2)}"
        )

    def _batch(self, recipe: Recipe) -> tuple[int, int]:
        """Return the rows and steps of the largest batch, at least a step for each note.

        The rows are those that one process computes at once.
        """
        rows, longest = len(self.windows.tiles(0)), int(self.windows.note_counts.max(initial=0))
        shares = self.windows.ranks * recipe.training.accumulate
        at_once = -(-min(recipe.training.batch, rows) // shares)
        return at_once, min(recipe.training.window, longest)

    def _need(self, recipe: Recipe) -> Need | None:
        """Return what the shapes of a recipe's network say; None if it cannot be built so."""
        try:
            network = build_shapes(recipe.model, recipe.encoder.schema, recipe.heads)
        except Exception:  # a plugin's network need not know shapes without memory
            return None
        rows, steps = self._batch(recipe)
        made = sum(
            parameter.shape[0]
            for name, parameter in network.named_parameters()
            if parameter.ndim >= 2 and not name.startswith("embed.")
        )
        number = FLOAT // 2 if self.precision == "bf16" else FLOAT
        return self._of_weights(
            network, bool(recipe.training.ema), 2 * number * made * rows * steps
        )

    def _of_weights(self, network: nn.Module, ema: bool, for_batch: int) -> Need:
        weights = sum(parameter.numel() for parameter in network.parameters())
        copies = (4 if self.device.type == "cuda" else 7) + ema
        copies += self.windows.ranks > 1  # gradients again, as processes send them to each other
        return Need(weights, copies * FLOAT * weights, for_batch)

    def _refuse(self, need: Need, free: int) -> None:
        """Raise HowlkitError: how much is needed, how much there is, what makes it smaller."""
        raise HowlkitError(
            f"this does not fit into memory: a network of {weights_in_words(need.weights)} takes "
            f"{bytes_in_words(need.bytes)} or more in training "
            f"({bytes_in_words(need.for_weights)} for weights, gradients, optimizer and saving, "
            f"{bytes_in_words(need.for_batch)} for a batch), and {self.device} has "
            f"{bytes_in_words(free)} free. {self._advice(need, free)}"
        )

    def _advice(self, need: Need, free: int) -> str:
        """Return which options are enough to make a training fit, or which help."""
        own = self._need(self.recipe)
        scale = 1.0 if own is None else need.for_batch / max(own.for_batch, 1)
        fitting: list[tuple[float, str, object]] = []
        helping: list[tuple[float, str]] = []
        for name, recipe, value in _with_less(self.recipe):
            tried = self._need(recipe)
            takes = need.bytes if tried is None else tried.for_weights + scale * tried.for_batch
            if takes < 0.9 * need.bytes:
                helping.append((takes, name))
            if takes <= free:
                fitting.append((-takes, name, value))
        values: dict[str, object] = {}
        for _, name, value in sorted(fitting, key=lambda found: found[0]):
            values.setdefault(name, value)  # the value that changes least
        if values:
            listed = [f"-o {name}={value}" for name, value in list(values.items())[:4]]
            return f"Small enough is {', or '.join(listed)}"
        names = list(dict.fromkeys(name for _, name in sorted(helping)))[:4]
        if names:
            return f"Make several of these options smaller: {', '.join(names)}"
        return f"Options that may be smaller: howlkit plugins show {self.recipe.model.name}"


def bytes_of_batch(network: Network, schema: Schema, rows: int, steps: int) -> int:
    """Return how many bytes of a batch the backward pass of a network keeps.

    They are measured on one row of 8 and one of 16 steps, in float32. The network and torch's
    random numbers are afterwards as they were.
    """
    device = next(network.parameters()).device
    cuda = [device] if device.type == "cuda" else []
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    training = network.training
    with torch.random.fork_rng(devices=cuda):
        try:
            network.train()
            few, more = (_kept_bytes(network, schema, count) for count in (8, 16))
        finally:
            network.train(training)
            for name, buffer in network.named_buffers():
                buffer.copy_(buffers[name])
    each = max(more - few, 0) / 8
    return round(max(few - 8 * each, 0) + each * rows * steps)


def _kept_bytes(network: Network, schema: Schema, steps: int) -> int:
    """Return the bytes of what is kept for a backward pass over one row, without the weights."""
    device = next(network.parameters()).device
    row = schema.steps(steps + 1).reshape(1, steps + 1)
    row["mark"][:, 0] = START
    columns = {
        f.name: torch.from_numpy(row[f.name].astype(np.uint8 if f.kind == "bits" else np.int64))
        for f in schema.columns
    }
    inputs = {name: column[:, :-1].to(device) for name, column in columns.items()}
    targets = {name: column[:, 1:].to(device) for name, column in columns.items()}
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # while it is here, no other takes its place

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(inputs, targets, torch.full((1,), steps, device=device), None)
    return sum(storage.nbytes() for storage in kept.values())


def _with_less(recipe: Recipe) -> Iterator[tuple[str, Recipe, object]]:
    """Yield recipes with another value of one option: its name, the recipe, and the value.

    Numbers are halved again and again; of an option with choices each other choice is tried.
    """
    parts = {"model": recipe.model, "heads": recipe.heads, "training": recipe.training}
    for place, component in parts.items():
        plain: Any = unwrapped(component)
        for option in options.describe(type(plain)):
            for value in _smaller_values(option, getattr(plain, option.name, None)):
                try:
                    changed = dataclasses.replace(plain, **{option.name: value})
                except (HowlkitError, ValueError):  # options that do not fit each other
                    continue
                name = f"{plain.name}.{option.name}"
                yield name, replace(recipe, **{place: changed}), value


def _smaller_values(option: options.Option, value: object) -> Iterator[object]:
    """Yield values to try in place of an option's value."""
    if option.choices is not None:
        yield from (choice for choice in option.choices if choice != value)
    elif isinstance(value, int) and not isinstance(value, bool):
        while value // 2 >= max(option.low or 1, 1):
            value //= 2
            yield value


@contextmanager
def explained(recipe: Recipe) -> Iterator[None]:
    """Raise HowlkitError, with what to do, in place of torch's errors when memory runs out."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        words = str(error).lower()
        if not (
            isinstance(error, MemoryError | torch.OutOfMemoryError)
            or "allocate memory" in words
            or "not enough memory" in words
        ):
            raise
        training = recipe.training
        raise HowlkitError(
            "memory ran out in training. Begin a run with fewer rows or notes at once, "
            f"-o training.accumulate={min(2 * training.accumulate, training.batch)}, "
            f"-o training.batch={max(training.batch // 2, 1)} or "
            f"-o training.window={max(training.window // 2, 2)}, or with a smaller network: "
            f"howlkit plugins show {recipe.model.name}"
        ) from error

"""Where training stopped being finite: in which piece, and where in it.

A loss that is NaN or infinite is seen when losses are read, some steps late on a GPU. So what each
update was made of is kept until then (`Update`), and its rows are tried again one by one, with the
last good weights: `look` finds those at which the loss or its gradients are not finite, and the
step of the first one. Each process looks at its own rows; `described` puts what all found into
words.

Shapes: B rows of this process, T steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from howlkit.errors import printable, quoted
from howlkit.music.bars import bar_of_tick
from howlkit.network.batches import Batch
from howlkit.network.likelihood import Scores, step_costs
from howlkit.protocols import Encoder
from howlkit.training.windows import Segment, Windows

__all__ = ["Found", "Update", "advice", "all_finite", "described", "look", "where_validation_stops"]

State = Mapping[str, Tensor]
Costs = Callable[[Batch, State | None], Tensor]
"""From some rows and the state before them to their nats by decision (K,), as training has them."""


@dataclass(frozen=True)
class Update:
    """What one update was made of: a window of a segment, and the state before it.

    step: how many updates came before. parts, states: which rows were computed together, and the
    state of each part (None: its rows begin their pieces). nats: () of all rows, still on the
    device; NaN too if gradients were not finite. notes: of all processes.
    """

    step: int
    segment: Segment
    window: int
    parts: Sequence[range]
    states: Sequence[State | None]
    nats: Tensor
    notes: float


@dataclass(frozen=True)
class Found:
    """What a process found in its rows.

    rows: how many have steps in the window; bad: how many of them are not finite. where: words for
    the first of those, or for the first row if all are finite.
    """

    rows: int
    bad: int
    where: str

    def to_json(self) -> str:
        """Return this as text, which processes tell each other."""
        return json.dumps(asdict(self))


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Say whether no number is NaN or infinite; a device is waited for once.

    >>> all_finite([torch.ones(2), torch.tensor([3])]), all_finite([torch.zeros(2).log()])
    (True, False)
    """
    found = [tensor.isfinite().all() for tensor in tensors if tensor.is_floating_point()]
    return not found or bool(torch.stack([each.to(found[0].device) for each in found]).all())


def look(network: nn.Module, windows: Windows, update: Update, costs: Costs) -> Found:
    """Try the rows of an update one by one, with the weights as they are.

    costs: computes the rows with the same weights. Gradients are cleared afterwards.
    """
    batch = update.segment.batches[update.window]
    begin = sum(each.inputs["mark"].shape[1] for each in update.segment.batches[: update.window])
    rows = [row for row in range(len(batch.lengths)) if batch.lengths[row]]
    bad = [row for row in rows if not _is_finite(network, costs, *_row(update, row))]
    if not rows:
        return Found(0, 0, "")
    row = bad[0] if bad else rows[0]
    step = _first_bad_step(network, costs, *_row(update, row)) if bad else 1
    return Found(len(rows), len(bad), _where(windows, update.segment, row, begin + step - 1))


def _row(update: Update, row: int) -> tuple[Batch, State | None]:
    """Return one row of an update, without padding, and the state before it."""
    part = next(number for number, rows in enumerate(update.parts) if row in rows)
    at = update.parts[part].index(row)
    state = update.states[part]
    alone = {name: value[at : at + 1] for name, value in state.items()} if state else None
    batch = update.segment.batches[update.window].rows(range(row, row + 1))
    return _cut(batch, int(batch.lengths[0])), alone


def _is_finite(network: nn.Module, costs: Costs, batch: Batch, state: State | None) -> bool:
    """Say whether the loss of some rows, and its gradients, are finite."""
    network.zero_grad(set_to_none=True)
    sums = costs(batch, state)
    finite = all_finite([sums.detach()])
    if finite:
        sums.sum().backward()  # type: ignore[no-untyped-call] # torch has no types for it
        finite = all_finite(p.grad for p in network.parameters() if p.grad is not None)
    network.zero_grad(set_to_none=True)
    return finite


def _first_bad_step(network: nn.Module, costs: Costs, batch: Batch, state: State | None) -> int:
    """Return the least number of steps of a row that are not finite together, 1 to T.

    By halving, since networks only look back: more steps are not finite either.
    """
    low, high = 0, int(batch.lengths[0])  # so many are finite, so many are not
    while high - low > 1:
        middle = (low + high) // 2
        if _is_finite(network, costs, _cut(batch, middle), state):
            low = middle
        else:
            high = middle
    return high


def _cut(batch: Batch, steps: int) -> Batch:
    """Return the first steps of each row."""
    inputs, targets = (
        {name: column[:, :steps] for name, column in columns.items()}
        for columns in (batch.inputs, batch.targets)
    )
    return Batch(inputs, targets, np.minimum(batch.lengths, steps))


def _where(windows: Windows, segment: Segment, row: int, step: int) -> str:
    """Return words for a step of a row: "'a.mid', near bar 3 (0:05), note 34 of 210".

    Which note a step is of is estimated, since an encoder may need several steps for a note.
    """
    number, first, stop = (int(each) for each in segment.tiles[windows.rank :: windows.ranks][row])
    piece = windows.piece(number)
    steps = max(sum(int(batch.lengths[row]) for batch in segment.batches), 1)
    note = min(first + round((stop - first) * step / steps), stop - 1)
    tick = int(piece.notes["start"][note])
    return (
        f"{_named(piece.name, number, 'training')}, near bar {bar_of_tick(piece, tick)} "
        f"({_clock(float(piece.seconds(tick)))}), note {note + 1:,} of {len(piece):,}"
    )


def _named(name: str, number: int, part: str) -> str:
    return f"'{printable(name)}'" if name else f"piece {number + 1} of the {part} part"


def _clock(seconds: float) -> str:
    """Return a time in minutes and seconds.

    >>> _clock(62.5)
    '1:02'
    """
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def described(step: int, texts: Sequence[str]) -> str:
    """Return what is wrong with an update, from what each process found (`Found.to_json`).

    >>> found = [Found(8, 0, "'a.mid', note 1"), Found(8, 1, "'b.mid', note 5")]
    >>> print(described(12, [each.to_json() for each in found]))
    the loss, or its gradients, became infinite or NaN in update 13: in one of the 16 pieces that
    it was made of, 'b.mid', note 5
    """
    found = [Found(**json.loads(text)) for text in texts]
    rows, bad = sum(each.rows for each in found), sum(each.bad for each in found)
    named = [each.where for each in found if each.bad or (not bad and each.rows)]
    begin = f"the loss, or its gradients, became infinite or NaN in update {step + 1}: "
    if not named:
        return begin + "none of its rows has notes"
    if not bad:
        return begin + (
            f"with the last good weights each of the {rows} pieces that it was made of is finite "
            f"alone; the first is {named[0]}"
        )
    of = "the one piece" if rows == 1 else f"all {rows} pieces"
    if bad < rows:
        of = f"{'one' if bad == 1 else bad} of the {rows} pieces"
    first = "" if bad == 1 else "the first is "
    return begin + f"in {of} that it was made of, {first}{named[0]}"


def advice(run: Path, kept: Sequence[int], rate: float) -> str:
    """Return what was kept of a run, and what to do next.

    kept: the steps of its checkpoints. rate: its learning rate.
    """
    slower = f"learn more slowly, -o training.rate={rate / 4:.2g}"
    if not kept:
        return f"Leave that music out, or {slower}"
    return (
        f"Kept: the weights of step {kept[-1]}, and in {printable(run / 'model')} the best. "
        f"Leave that music out, or {slower}: howlkit train DATA --init {quoted(run)} ..."
    )


def where_validation_stops(network: Any, scores: Scores, encoder: Encoder) -> str:  # noqa: ANN401 - a module, a Network
    """Return words for the first validation piece that costs NaN or infinity, and where in it."""
    encoded = scores.encoded
    bad = np.flatnonzero(~np.isfinite(scores.nats).all(1))
    if not len(bad):
        return "though that of each piece is finite"
    number = int(bad[0])
    name, row = encoded.names[number], encoded.rows[number]
    words = f"in {_named(name, number, 'validation')}"
    costs, _ = step_costs(network, encoded.only(number))
    if len(steps := np.flatnonzero(~np.isfinite(costs[0]).all(1))):
        seconds = encoder.decode(row[: steps[0] + 1]).seconds_long
        words += f", near {_clock(seconds)}, step {steps[0] + 1:,} of {len(row) - 1:,}"
    return words + (f", and in {len(bad) - 1} more" if len(bad) > 1 else "")

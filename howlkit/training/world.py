"""The processes that train one network together, as torchrun starts them: torch's process group.

Words as torch's: each of `size` processes has a `rank`, 0 to size - 1; `local_rank` counts on one
machine. What is agreed on goes over gloo, on the CPU, so no device keeps anybody waiting for it.
Gradients are averaged by DistributedDataParallel, over gloo on CPUs and over nccl on GPUs.

A process that ends closes its connections, so the others notice at once. One that hangs, or a
machine that vanishes, is noticed when it has given no sign of life (pulse.py) for `SIGN_LIMIT`. For
one that gives signs the others wait for `STEP_LIMIT` in a step, for `LONG_LIMIT` while it validates
or saves, and for `SETUP_LIMIT` while it prepares music.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from inspect import signature
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from howlkit.errors import HowlkitError
from howlkit.network.device import pick_device
from howlkit.training import pulse
from howlkit.training.dealing import joined

__all__ = ["ALONE", "World", "joined_world"]

SIGN_LIMIT = 10.0
"""Seconds without a sign of life (pulse.py) after which a process is lost; HOWLKIT_RANK_TIMEOUT is
another number. Such a pause is rare, and all have to end within half a minute, of which a busy
machine may need the rest."""

STEP_LIMIT = 15.0
"""Seconds that a process may keep the others waiting in a step, though it gives signs of life. No
more, since signs cannot be read while the process hangs that has the store."""

LONG_LIMIT, SETUP_LIMIT = timedelta(minutes=10), timedelta(hours=2)

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets in the environment."""


LOST = ("gloo", "pair closure", "connection closed", "connection reset", "timed out waiting")
"""What gloo's errors say when another process is gone, some of them without its name."""


@dataclass(frozen=True)
class World:
    """All processes of a training, as the one numbered `rank` sees them.

    Every process must call the same methods in the same order. With one process, none waits.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    steps: dist.ProcessGroup | None = None
    validations: dist.ProcessGroup | None = None
    saves: dist.ProcessGroup | None = None
    setup: dist.ProcessGroup | None = None

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def __str__(self) -> str:
        """Return on how many processes, in words.

        >>> str(World(0, 2))
        '2 processes'
        """
        return "1 process" if self.size == 1 else f"{self.size} processes"

    def device(self, name: str) -> torch.device:
        """Return the device of this process: `pick_device`, a CUDA device for each process.

        Raises HowlkitError if the machine has too few, or for MPS, which takes one process only.
        """
        chosen = pick_device(name)
        if self.size == 1 or chosen.type == "cpu":
            return chosen
        if chosen.type == "mps":
            if name == "auto":
                return torch.device("cpu")
            raise HowlkitError("--device mps takes one process; several need cuda or cpu")
        count = torch.cuda.device_count()
        if self.local_rank >= count:
            raise HowlkitError(
                f"process {self.local_rank} of this machine has no CUDA device: there are {count}. "
                f"Start {count} processes on each machine (torchrun --nproc-per-node {count}), or "
                "take --device cpu"
            )
        torch.cuda.set_device(self.local_rank)
        return torch.device("cuda", self.local_rank)

    # What processes tell each other ---------------------------------------------------------------

    def wait_for_all(self) -> None:
        """Wait until all processes are set up."""
        if self.size > 1:
            dist.barrier(group=self.setup)

    def wait_for_first(self) -> None:
        """Wait until the first process has saved; it finds the others waiting."""
        if self.size > 1:
            dist.barrier(group=self.saves)

    def tell(self, text: str) -> None:
        """Give a text to all other processes, which `hear` it; the first process calls this."""
        if self.size > 1:
            data = torch.from_numpy(np.frombuffer(text.encode(), np.uint8).copy())
            dist.broadcast(torch.tensor([len(data)]), 0, group=self.setup)
            if len(data):
                dist.broadcast(data, 0, group=self.setup)

    def hear(self) -> str:
        """Return the text that the first process tells."""
        length = torch.zeros(1, dtype=torch.int64)
        dist.broadcast(length, 0, group=self.setup)
        data = torch.empty(int(length), dtype=torch.uint8)
        if len(data):
            dist.broadcast(data, 0, group=self.setup)
        return data.numpy().tobytes().decode()

    def texts(self, own: str) -> list[str]:
        """Return a text of every process, by rank; one may keep the others waiting for long."""
        if self.size == 1:
            return [own]
        data = torch.from_numpy(np.frombuffer(own.encode(), np.uint8).copy())
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(data)]), group=self.validations)
        padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
        padded[: len(data)] = data
        found = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(found, padded, group=self.validations)
        return [
            each[: int(size)].numpy().tobytes().decode()
            for each, size in zip(found, sizes, strict=True)
        ]

    def largest(self, values: Sequence[float]) -> list[float]:
        """Return the largest that any process gives, place by place; in every step of training."""
        if self.size == 1:
            return list(values)
        all_values = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(all_values, dist.ReduceOp.MAX, group=self.steps)
        return [float(value) for value in all_values]

    def summed(
        self, values: NDArray[np.float64], *, validated: bool = False
    ) -> NDArray[np.float64]:
        """Return the sums over all processes, place by place.

        validated: the others may have needed longer than for a step.
        """
        if self.size == 1:
            return values
        sums = torch.from_numpy(np.array(values, np.float64))
        dist.all_reduce(sums, group=self.validations if validated else self.steps)
        return sums.numpy()

    def all_rows(
        self, own: NDArray[np.int64], total: int, *, patient: bool = False
    ) -> NDArray[np.int64]:
        """Return (total, n) numbers of all rows, from those (b, n) of the rows dealt to each.

        patient: the others may have to set up first.
        """
        if self.size == 1:
            return own
        padded = torch.zeros(-(-total // self.size), own.shape[1], dtype=torch.int64)
        padded[: len(own)] = torch.from_numpy(own)
        hands = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(hands, padded, group=self.setup if patient else self.steps)
        return joined(hands)[:total].numpy()

    def gathered(self, tensor: Tensor) -> list[Tensor] | None:
        """Return a tensor of every process, in memory of the CPU; None but for the first process.

        tensor: of the same shape and type in all processes.
        """
        own = tensor.detach().cpu().contiguous()
        if self.size == 1:
            return [own]
        data = own.reshape(-1).view(torch.uint8)  # gloo does not take every type
        received = [torch.empty_like(data) for _ in range(self.size)] if self.first else None
        dist.gather(data, received, 0, group=self.steps)
        if received is None:
            return None
        return [each.view(own.dtype).reshape(own.shape) for each in received]

    # Gradients ------------------------------------------------------------------------------------

    def parallel(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Return a module that computes what the network does, and averages its gradients.

        All processes have the weights of the first one afterwards. With one process, this is the
        network itself.
        """
        if self.size == 1:
            return network
        on_gpu = device.type == "cuda"
        buffers: dict[str, Any] = {_SYNC_BUFFERS: _learns_buffers(network)}
        return DistributedDataParallel(
            _Loss(network, device),
            device_ids=[device] if on_gpu else None,
            process_group=dist.new_group(backend="nccl", timeout=LONG_LIMIT)
            if on_gpu
            else self.steps,
            # Which weights take part may depend on the music. It also keeps the buckets, in which
            # gradients are summed, the same from the first step on: a resumed run adds up alike.
            find_unused_parameters=True,
            **buffers,
        )

    def without_averaging(self, module: nn.Module) -> AbstractContextManager[None]:
        """Keep the gradients of each process to itself in this context."""
        if isinstance(module, DistributedDataParallel):
            found: AbstractContextManager[None] = module.no_sync()
            return found
        return nullcontext()


ALONE = World()

_SYNC_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in signature(DistributedDataParallel).parameters
    else "broadcast_buffers"  # its name before torch 2.13
)


class _Loss(nn.Module):
    """A network whose state is cut off from the gradient, since DDP looks for weights from there.

    `spare` takes part in nothing: DDP warns where it looks for weights that take no part, and finds
    none.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.network = network
        self.spare = nn.Parameter(torch.zeros(1, device=device))

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        targets: Mapping[str, Tensor],
        lengths: Tensor,
        state: Mapping[str, Tensor] | None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what `Network.forward` does."""
        sums, after = self.network(inputs, targets, lengths, state)
        return sums, {name: part.detach() for name, part in after.items()}


def _learns_buffers(network: nn.Module) -> bool:
    """Say whether checkpoints hold buffers of a network, as those of batch normalisation."""
    weights = {name for name, _ in network.named_parameters()}
    return any(name not in weights for name in network.state_dict())


@contextmanager
def joined_world() -> Iterator[World]:
    """Give the world that the environment names, with its process group; leave it at the end.

    Without WORLD_SIZE, or with 1, that is this process alone. A process group that exists already
    is used, and stays. Raises HowlkitError if the environment is not as torchrun sets it, and when
    another process has ended or does not answer.
    """
    if _number("WORLD_SIZE", 1) <= 1:
        yield ALONE
        return
    made = _start()
    try:
        with _explained():
            signs = _number("HOWLKIT_RANK_TIMEOUT", SIGN_LIMIT)
            step = timedelta(seconds=max(signs, STEP_LIMIT))
            rank, longer = dist.get_rank(), max(step, LONG_LIMIT)
            world = World(
                rank,
                dist.get_world_size(),
                int(_number("LOCAL_RANK", rank)),
                steps=dist.new_group(backend="gloo", timeout=step),
                validations=dist.new_group(backend="gloo", timeout=longer),
                saves=dist.new_group(backend="gloo", timeout=longer if rank else step),
                setup=dist.new_group(backend="gloo", timeout=SETUP_LIMIT),
            )
            # Who made the group already may have no store that others reach.
            with pulse.watched(rank, world.size, signs, _lost) if made else nullcontext():
                yield world
    finally:
        if made:
            with contextlib.suppress(RuntimeError):  # when the others have gone already
                dist.destroy_process_group()


def _start() -> bool:
    """Start torch's process group; return False if there is one already."""
    if not dist.is_available():
        raise HowlkitError("this torch was built without torch.distributed: train in one process")
    if dist.is_initialized():
        return False
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        raise HowlkitError(
            f"WORLD_SIZE is set in the environment, but not {', '.join(missing)}. Start several "
            "processes with: torchrun --nproc-per-node 2 -m howlkit train ...; for one, unset it"
        )
    try:
        dist.init_process_group("gloo", timeout=SETUP_LIMIT)
    except (RuntimeError, ValueError) as error:
        raise HowlkitError(
            f"the other processes cannot be reached at {os.environ['MASTER_ADDR']}, port "
            f"{os.environ['MASTER_PORT']}: {_first_line(error)}"
        ) from error
    return True


def _number(name: str, otherwise: float) -> float:
    """Return the number in a variable of the environment."""
    text = os.environ.get(name) or str(otherwise)
    try:
        return float(text)
    except ValueError:
        raise HowlkitError(f"{name} is {text!r} in the environment; a number is needed") from None


@contextmanager
def _explained() -> Iterator[None]:
    """Raise HowlkitError in place of torch's errors when another process is lost."""
    try:
        yield
    except RuntimeError as error:
        told = str(error).lower()
        if not isinstance(error, dist.DistError) and not any(words in told for words in LOST):
            raise
        raise HowlkitError(_lost(_first_line(error))) from error


def _lost(why: str) -> str:
    """Return the line that a process ends with when another one is lost."""
    return (
        f"process {dist.get_rank()} of {dist.get_world_size()} ends, since another one has "
        f"ended or does not answer ({why}). What that one says is the cause. "
        "Nothing saved is lost: go on from the last checkpoint with --resume"
    )


def _first_line(error: BaseException) -> str:
    """Return what torch says, without the place in its source."""
    line: Any = (str(error).splitlines() or [type(error).__name__])[0]
    words = str(line).rpartition("] ")[2] if line.startswith("[") else str(line)
    return words.split(". ")[0]

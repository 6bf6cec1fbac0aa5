"""Muon for the matrices of a network, and AdamW for the rest, behind the face of one optimizer.

Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks") replaces the
averaged gradient of a matrix by the nearest matrix with orthogonal rows or columns. So all
directions move alike, and not only the few in which gradients are large. The update is computed by
Newton-Schulz iterations: products of matrices, which torch computes in bfloat16.

Updates are scaled to the root mean square that updates of AdamW have (Liu et al. 2025, "Muon is
scalable for LLM training", section 2.2), so one learning rate and one decay serve both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from howlkit.errors import OptionError
from howlkit.network.hidden_matrices import hidden_matrices

__all__ = ["Float32Muon", "MuonWithAdamW", "orthogonalised"]


class MuonWithAdamW:
    """Muon over each block of each hidden matrix of a network, and AdamW over all other weights.

    It has the methods of a `torch.optim.Optimizer` that training calls. Its state is named by the
    weights: "muon/WEIGHT/BLOCK/momentum_buffer" and "adamw/WEIGHT/exp_avg".
    """

    def __init__(self, network: nn.Module, rate: float, weight_decay: float) -> None:
        blocks = hidden_matrices(network)
        if not blocks:
            raise OptionError(
                "training.optimizer is 'muon', but this network has no matrices between hidden "
                "vectors that howlkit knows of; take training.optimizer=adamw"
            )
        weights = dict(network.named_parameters())
        self._blocks = {
            f"{name}/{number}": _Block(weights[name], begin, begin + rows)
            for name, sizes in blocks.items()
            for number, (begin, rows) in enumerate(_begins(sizes))
        }
        on_cpu = next(iter(weights.values())).device.type == "cpu"
        muon = Float32Muon if on_cpu and not _multiplies_bfloat16_fast() else torch.optim.Muon
        self._muon: torch.optim.Optimizer = muon(
            [block.parameter for block in self._blocks.values()],
            lr=rate,
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        rest = {name: weight for name, weight in weights.items() if name not in blocks}
        decaying = [name for name, weight in rest.items() if weight.ndim >= 2]
        others = [name for name, weight in rest.items() if weight.ndim < 2]
        self._rest = (*decaying, *others)
        self._adamw = torch.optim.AdamW(
            [
                {"params": [rest[name] for name in decaying], "weight_decay": weight_decay},
                {"params": [rest[name] for name in others], "weight_decay": 0.0},
            ],
            lr=rate,
            fused=True,
        )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both optimizers, each with its "lr"."""
        return [*self._muon.param_groups, *self._adamw.param_groups]

    def step(self) -> None:
        """Take one step down the gradients of the network."""
        for block in self._blocks.values():
            block.look()
        self._muon.step()
        self._adamw.step()

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Clear all gradients."""
        for block in self._blocks.values():
            block.weight.grad = block.parameter.grad = None
        self._adamw.zero_grad(set_to_none=set_to_none)

    def tensors(self) -> dict[str, Tensor]:
        """Return the state of both as a flat dict."""
        muon, adamw = (each.state_dict()["state"] for each in (self._muon, self._adamw))
        return _named("muon", list(self._blocks), muon) | _named("adamw", self._rest, adamw)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Set the state to what `tensors` returned; ValueError if it does not fit."""
        indices = {f"muon/{name}": number for number, name in enumerate(self._blocks)}
        indices |= {f"adamw/{name}": number for number, name in enumerate(self._rest)}
        states: dict[str, dict[int, dict[str, Tensor]]] = {"muon": {}, "adamw": {}}
        for name, value in tensors.items():
            of, _, part = name.rpartition("/")
            if of not in indices:
                raise ValueError(f"{of!r} is no state of training.optimizer=muon for this network")
            states[of.partition("/")[0]].setdefault(indices[of], {})[part] = value
        optimizers: dict[str, torch.optim.Optimizer] = {"muon": self._muon, "adamw": self._adamw}
        for which, each in optimizers.items():
            groups = each.state_dict()["param_groups"]
            each.load_state_dict({"state": states[which], "param_groups": groups})


class Float32Muon(torch.optim.Muon):
    """torch's Muon computed in float32, for CPUs that multiply bfloat16 slowly.

    Without instructions for bfloat16, a CPU takes 20 to 60 times as long with it as with float32.
    """

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override] # without a closure, which nobody gives
        """Take one step, as `torch.optim.Muon.step`."""
        for group in self.param_groups:
            with_gradient = [p for p in group["params"] if p.grad is not None]
            for parameter in with_gradient:
                gradient, state = parameter.grad, self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(gradient)
                average = state["momentum_buffer"]
                average.lerp_(gradient, 1 - group["momentum"])
                update = gradient.lerp(average, group["momentum"])  # Nesterov's
                update = orthogonalised(
                    update, group["ns_coefficients"], steps=group["ns_steps"], eps=group["eps"]
                )
                # As `torch.optim.Muon` with "match_rms_adamw".
                rate = 0.2 * group["lr"] * max(parameter.shape) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-rate)


def orthogonalised(
    matrix: Tensor, coefficients: tuple[float, float, float], *, steps: int, eps: float = 1e-7
) -> Tensor:
    """Return (M, N) nearly U V^T of a matrix U S V^T: all singular values about 1, 0.7 to 1.2.

    By Newton-Schulz iterations, as torch.optim.Muon, in the dtype of the matrix.

    >>> found = orthogonalised(torch.tensor([[3.0, 0.0], [0.0, -0.1]]), (3.4445, -4.775, 2.0315),
    ...                        steps=5)
    >>> [[round(value) for value in row] for row in found.tolist()]
    [[1, 0], [0, -1]]
    """
    a, b, c = coefficients
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / wide.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    found: Tensor = x.T if wide is not matrix else x
    return found


class _Block:
    """Some rows of a weight as a parameter of its own, which shares the weight's memory."""

    def __init__(self, weight: nn.Parameter, begin: int, end: int) -> None:
        self.weight, self._rows = weight, slice(begin, end)
        self.parameter = nn.Parameter(weight.detach()[self._rows])

    def look(self) -> None:
        """Show the parameter the weight's memory and gradient as they are now."""
        self.parameter.data = self.weight.detach()[self._rows]
        self.parameter.grad = None if self.weight.grad is None else self.weight.grad[self._rows]


def _begins(sizes: Iterable[int]) -> list[tuple[int, int]]:
    """Return (first row, rows) of blocks of these numbers of rows."""
    found, begin = [], 0
    for rows in sizes:
        found.append((begin, rows))
        begin += rows
    return found


def _named(
    which: str, names: Iterable[str], state: Mapping[int, Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """Return the state of an optimizer by names: "WHICH/NAME/PART" to tensor."""
    by_number = dict(enumerate(names))
    return {
        f"{which}/{by_number[number]}/{part}": value
        for number, entry in state.items()
        for part, value in entry.items()
    }


def _multiplies_bfloat16_fast() -> bool:
    """Return whether this CPU has tiles for bfloat16 (AMX), with which it is faster than float32.

    Processors with AVX-512 instructions for bfloat16 alone are no faster with it here.
    """
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)  # no public name in torch 2.13
    return supported is not None and bool(supported())

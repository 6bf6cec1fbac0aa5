"""The samplers that ship with howlkit: `autoregressive`, `beam` and `best-of`."""

from __future__ import annotations

from collections.abc import Callable

from howlkit.builtin.samplers.autoregressive import Autoregressive
from howlkit.builtin.samplers.beam import Beam
from howlkit.builtin.samplers.best_of import BestOf
from howlkit.hookspecs import hookimpl
from howlkit.protocols import Sampler

__all__ = ["Autoregressive", "Beam", "BestOf", "register_samplers"]


@hookimpl
def register_samplers(register: Callable[[type[Sampler]], None]) -> None:
    """Register the samplers."""
    for sampler in (Autoregressive, Beam, BestOf):
        register(sampler)

"""The factory of runners: compiled code if the model offers it, torch if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from howlkit.errors import HowlkitError
from howlkit.protocols import Model
from howlkit.sampling.runner import CompilableModel, Runner, Stepping
from howlkit.sampling.stored_network import StoredNetwork, UnsuitedError
from howlkit.schema import Schema

if TYPE_CHECKING:
    from howlkit.network.network import Network

__all__ = ["compiled_runner", "make_runner"]


def make_runner(
    network: Network | StoredNetwork,
    schema: Schema,
    model: Model | None = None,
    *,
    stepping: Stepping = "auto",
) -> Runner:
    """Return a runner of a network for steps of a schema.

    model: the model that built the network; None: torch runs it. stepping: "plain" is torch,
    "compiled" compiled code, and "auto" compiled code if the model offers it for this network and
    numba is installed. Raises HowlkitError, with the reason, if "compiled" is not possible.
    """
    if stepping != "plain":
        try:
            return compiled_runner(network, model)
        except UnsuitedError as error:
            if stepping == "compiled":
                raise HowlkitError(
                    f"this model cannot be stepped by compiled code: {error}. Choose plain, or auto"
                ) from error
    from howlkit.sampling.torch_runner import TorchRunner

    return TorchRunner(network.network if isinstance(network, StoredNetwork) else network, schema)


def compiled_runner(network: Network | StoredNetwork, model: Model | None) -> Runner:
    """Return the runner in compiled code that a model offers; UnsuitedError if it offers none."""
    if not isinstance(model, CompilableModel):
        name = "it" if model is None else f"its model, {model.name},"
        raise UnsuitedError(f"{name} offers no compiled code")
    stored = network if isinstance(network, StoredNetwork) else StoredNetwork.of(network)
    try:
        return model.compiled_runner(stored)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "numba"
        reason = "numba is not installed" if missing else f"numba cannot be imported ({error})"
        raise UnsuitedError(f"{reason}; pip install 'howlkit[fast]'") from error

"""Components with every call checked: the only form in which the core calls one.

A component comes in through `plugins.create`; one made by hand comes in where an object is taken (a
recipe, a session, training windows, the likelihood, `roundtrip`, sampling, reading and writing
files). Each of these places wraps it with a class of this module, so no call goes unchecked. A
model is not wrapped, because `howlkit.network.validate` is the only caller of its `build`. The laws
of `howlkit.testing` call components as they are.

Shapes: B rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError, PluginError
from howlkit.music.piece import Piece
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.checked_constraint import CheckedConstraint
from howlkit.plugins.checked_encoder import CheckedEncoder
from howlkit.plugins.contracts import contract_error, is_array
from howlkit.plugins.discovery import one_line
from howlkit.plugins.wrapper import Wrapper, unwrapped
from howlkit.protocols import SamplingSession
from howlkit.schema import Steps

__all__ = [
    "CheckedAugmenter",
    "CheckedConstraint",
    "CheckedEncoder",
    "CheckedRenderer",
    "CheckedSampler",
    "CheckedSource",
    "CheckedWriter",
    "checked",
    "unwrapped",
]


class CheckedAugmenter(Wrapper):
    """An augmenter; PluginError where it does not return a piece with as many notes."""

    __slots__ = ()

    def __init__(self, component: Any) -> None:  # noqa: ANN401 - any augmenter
        super().__init__(component, "augmenter")

    def __call__(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """Return the changed piece."""
        changed: Piece = self._component(piece, rng)
        if not isinstance(changed, Piece):
            raise self._error("it", changed, "a Piece")
        if len(changed) != len(piece):
            raise self._refusal(
                f"it returned {len(changed)} notes of {len(piece)}; a Piece with as many is needed"
            )
        return changed


class CheckedSampler(Wrapper):
    """A sampler; PluginError where it yields anything but steps, or nothing at all."""

    __slots__ = ()

    def __init__(self, component: Any) -> None:  # noqa: ANN401 - any sampler
        super().__init__(component, "sampler")

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield the steps (B,) that it decides: at least one, unless the session is done before."""
        steps, going = self._component.generate(session), not session.done.all()
        if not isinstance(steps, Iterator):
            raise self._error("generate", steps, "an iterator of steps: a function that yields")
        for step in steps:
            if not is_array(step, (session.rows,), "V"):
                raise self._error("generate", step, "a step (B,)", verb="yielded")
            yield step
            going = False
        if going:
            raise self._refusal("generate yielded nothing; steps are needed until session.done")


class CheckedSource(Wrapper):
    """A source; PluginError where what it says of itself is wrong, or a file reads as no pieces."""

    __slots__ = ("collections", "suffixes")

    suffixes: tuple[str, ...]
    collections: Mapping[str, Callable[[], Path]]

    def __init__(self, component: Any) -> None:  # noqa: ANN401 - any source
        super().__init__(component, "source")
        self.suffixes = _suffixes(component)
        self.collections = component.collections
        named = isinstance(self.collections, Mapping)
        if not named or not all(map(callable, self.collections.values())):
            raise self._error(
                "collections", self.collections, "a dict of functions by name", verb="is"
            )

    def read(self, path: Path) -> Iterable[Piece | HowlkitError]:
        """Return the pieces in a file; an error in the place of each that cannot be read."""
        read = self._component.read(path)
        if not isinstance(read, Iterable):
            raise self._error("read", read, "an iterator of Pieces")
        return map(self._piece, read)

    def _piece(self, read: object) -> Piece | HowlkitError:
        if isinstance(read, Piece | HowlkitError):
            return read
        return self._error("read", read, "a Piece", verb="yielded")


class CheckedWriter(Wrapper):
    """A writer; PluginError, naming it, for all that goes wrong when it writes a file."""

    __slots__ = ("suffixes",)

    suffixes: tuple[str, ...]

    def __init__(self, component: Any) -> None:  # noqa: ANN401 - any writer
        super().__init__(component, "writer")
        self.suffixes = _suffixes(component)

    def write(self, piece: Piece, path: Path) -> None:
        """Write a piece to a new file."""
        owner = owner_of(self._component)
        try:
            self._component.write(piece, path)
        except HowlkitError as error:
            raise PluginError(f"{owner}: {error}") from error
        except (Exception, SystemExit) as error:
            raise PluginError(f"{owner} failed: {one_line(error)}") from error
        if not path.is_file():
            raise PluginError(f"{owner} wrote no file")


class CheckedRenderer(Wrapper):
    """A renderer; PluginError, naming it, for all that goes wrong and for what is no sound.

    missing: as `RequiringRenderer` has it; "" for a renderer without it.
    """

    __slots__ = ()

    def __init__(self, component: Any) -> None:  # noqa: ANN401 - any renderer
        super().__init__(component, "renderer")

    @property
    def missing(self) -> str:
        """What it lacks here, and how to get that; "" if nothing."""
        missing: str = getattr(self._component, "missing", "")
        if not isinstance(missing, str):
            raise self._error("missing", missing, "a str", verb="is")
        return missing

    def render(self, piece: Piece, rate: int) -> Iterator[NDArray[np.float32]]:
        """Yield the sound of a piece in blocks (T, 2)."""
        owner = owner_of(self._component)
        try:
            blocks = self._component.render(piece, rate)
            if not isinstance(blocks, Iterator):
                raise self._error("render", blocks, "an iterator of blocks: a function that yields")
            for block in blocks:
                yield self._sound(block)
        except PluginError:
            raise
        except HowlkitError as error:
            raise PluginError(f"{owner}: {error}") from error
        except (Exception, SystemExit) as error:
            raise PluginError(f"{owner} failed: {one_line(error)}") from error

    def _sound(self, block: Any) -> NDArray[np.float32]:  # noqa: ANN401 - whatever it yielded
        is_block = isinstance(block, np.ndarray) and block.ndim == 2 and block.shape[1] == 2
        if not is_block or block.dtype != np.float32:
            raise self._error("render", block, "an array (T, 2) of float32", verb="yielded")
        # Not `max() > 1`: NaN would pass.
        if block.size and not float(np.abs(block).max()) <= 1:
            raise self._refusal(
                "render yielded samples beyond full scale; finite numbers from -1 to 1 are needed"
            )
        sound: NDArray[np.float32] = block
        return sound


def _suffixes(component: Any) -> tuple[str, ...]:  # noqa: ANN401 - a source or writer
    """Return what the names of its files end in; PluginError if it is not a tuple of strings."""
    suffixes: tuple[str, ...] = component.suffixes
    if not isinstance(suffixes, tuple) or not all(isinstance(each, str) for each in suffixes):
        raise contract_error(
            component, "suffixes", suffixes, 'a tuple such as (".abc",)', verb="is"
        )
    return suffixes


_WRAPPERS: Mapping[str, type[Wrapper]] = MappingProxyType(
    {
        "encoder": CheckedEncoder,
        "augmenter": CheckedAugmenter,
        "sampler": CheckedSampler,
        "constraint": CheckedConstraint,
        "source": CheckedSource,
        "writer": CheckedWriter,
        "renderer": CheckedRenderer,
    }
)


def checked(kind: str, component: Any) -> Any:  # noqa: ANN401 - of any kind
    """Return a component of a kind with every call checked; a model as it is.

    One that is checked already is returned as it is. Raises PluginError if what the component says
    of itself is wrong.
    """
    return _WRAPPERS[kind].of(component) if kind in _WRAPPERS else component

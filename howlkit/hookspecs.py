"""The hooks that plugins implement. howlkit passes each `register`, to call with component classes.

There is no hook for commands: a plugin names its click command in the entry-point group
`howlkit.commands`, so that `howlkit --help` can list the command without importing it.
"""

from collections.abc import Callable

import pluggy

from howlkit.protocols import (
    Augmenter,
    Constraint,
    Encoder,
    Model,
    Renderer,
    Sampler,
    Source,
    Writer,
)

__all__ = [
    "hookimpl",
    "register_augmenters",
    "register_constraints",
    "register_encoders",
    "register_models",
    "register_renderers",
    "register_samplers",
    "register_sources",
    "register_writers",
]

hookspec = pluggy.HookspecMarker("howlkit")
hookimpl = pluggy.HookimplMarker("howlkit")


@hookspec
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register encoders: they turn a Piece into steps and back."""


@hookspec
def register_augmenters(register: Callable[[type[Augmenter]], None]) -> None:
    """Register augmenters: they change a Piece at random."""


@hookspec
def register_models(register: Callable[[type[Model]], None]) -> None:
    """Register models: they build a network for any schema."""


@hookspec
def register_samplers(register: Callable[[type[Sampler]], None]) -> None:
    """Register samplers: they make music with a session."""


@hookspec
def register_constraints(register: Callable[[type[Constraint]], None]) -> None:
    """Register constraints: they say what may sound."""


@hookspec
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Register sources: they read files other than MIDI, and collections of music by name."""


@hookspec
def register_writers(register: Callable[[type[Writer]], None]) -> None:
    """Register writers: they write music to files other than MIDI."""


@hookspec
def register_renderers(register: Callable[[type[Renderer]], None]) -> None:
    """Register renderers: they turn music into sound."""

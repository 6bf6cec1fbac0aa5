"""The hooks that plugins implement. Each is handed `register`, to be called with a component class.

Commands are no hook: a plugin names its click command in the entry-point group `howlkit.commands`,
so that `howlkit --help` can list it without importing it.
"""

from collections.abc import Callable

import pluggy

from howlkit.protocols import Augmenter, Encoder, Model, Sampler, Source, Writer

__all__ = [
    "hookimpl",
    "register_augmenters",
    "register_encoders",
    "register_models",
    "register_samplers",
    "register_sources",
    "register_writers",
]

hookspec = pluggy.HookspecMarker("howlkit")
hookimpl = pluggy.HookimplMarker("howlkit")


@hookspec
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register encoders: a Piece to steps and back."""


@hookspec
def register_augmenters(register: Callable[[type[Augmenter]], None]) -> None:
    """Register augmenters: random changes of a Piece."""


@hookspec
def register_models(register: Callable[[type[Model]], None]) -> None:
    """Register models: networks for any schema."""


@hookspec
def register_samplers(register: Callable[[type[Sampler]], None]) -> None:
    """Register samplers: ways of making music with a session."""


@hookspec
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Register sources: files that are no MIDI, and collections of music by name."""


@hookspec
def register_writers(register: Callable[[type[Writer]], None]) -> None:
    """Register writers: music to files that are no MIDI."""

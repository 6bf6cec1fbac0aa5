"""The renderers that ship: `bank`, and `fluidsynth` and `midirenderer` for soundfonts."""

from __future__ import annotations

from collections.abc import Callable

from howlkit.builtin.renderers.bank import Bank
from howlkit.builtin.renderers.fluidsynth import FluidSynth
from howlkit.builtin.renderers.midirenderer import MidiRenderer
from howlkit.hookspecs import hookimpl
from howlkit.protocols import Renderer

__all__ = ["Bank", "FluidSynth", "MidiRenderer", "register_renderers"]


@hookimpl
def register_renderers(register: Callable[[type[Renderer]], None]) -> None:
    """Register the renderers."""
    for renderer in (Bank, FluidSynth, MidiRenderer):
        register(renderer)

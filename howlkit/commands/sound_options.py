"""Options of the commands that make sound: the renderer, the soundfont, the sampling rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from howlkit.commands.component_names import ComponentName
from howlkit.commands.component_options import merged

if TYPE_CHECKING:
    from howlkit.music.page import Playing
    from howlkit.plugins.checked import CheckedRenderer

__all__ = ["page_playing", "rate_option", "renderer_for", "renderer_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

LOWEST_RATE, HIGHEST_RATE = 8000, 192_000


def renderer_options(command: Command) -> Command:
    """Add --renderer and --soundfont to a command."""
    soundfont = click.option(
        "--soundfont",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A soundfont (.sf2) to play with. It needs the program fluidsynth or the package "
        "midirenderer.",
    )
    renderer = click.option(
        "--renderer",
        type=ComponentName("renderer"),
        help="The component that plays. By default bank: the instruments that come with howlkit; "
        "with --soundfont, the first that can play it.",
    )
    return renderer(soundfont(command))


def rate_option(default: int) -> Callable[[Command], Command]:
    """Return the option --rate."""
    return click.option(
        "--rate",
        type=click.IntRange(LOWEST_RATE, HIGHEST_RATE),
        default=default,
        show_default=True,
        help="Samples a second.",
    )


def renderer_for(
    name: str | None,
    soundfont: Path | None,
    assignments: Sequence[str],
    config: Mapping[str, Mapping[str, object]],
) -> CheckedRenderer:
    """Return the renderer that the options of a command ask for; errors as `renderers.choose`."""
    from howlkit import options, plugins
    from howlkit.errors import OptionError
    from howlkit.sampling import renderers

    known = [component.name for component in plugins.components("renderer")]
    values = merged(config, assignments, known)
    made = renderers.choose(
        name or "", soundfont="" if soundfont is None else str(soundfont), values=values
    )
    try:
        given = options.parse(assignments)
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint="-o") from error
    for other in given:
        if other != made.name:
            raise click.UsageError(
                f"-o sets an option of {other!r}, which is not used here; {made.name} plays"
            )
    return made


def page_playing(renderer: CheckedRenderer, rate: int, longest: float) -> Playing:
    """Return what plays the pieces of a page: recorded instruments in it, or what was rendered.

    The browser can play the recorded instruments that come with howlkit. What another renderer
    plays becomes a sound file. longest: seconds of the longest piece; DataError if it is too long.
    """
    from howlkit.music.page import Playing
    from howlkit.music.sound import audio_files
    from howlkit.sampling import renderers

    if renderer.name == renderers.DEFAULT:
        return Playing(gain=float(renderer.gain))
    audio_files.check_length(longest, rate)
    return Playing(render=renderer.render, rate=rate)

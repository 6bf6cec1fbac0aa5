"""From what people ask for, a renderer's name or a soundfont, to the renderer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from howlkit import options, plugins
from howlkit.errors import HowlkitError, PluginError
from howlkit.plugins.checked import CheckedRenderer

__all__ = ["DEFAULT", "choose"]

DEFAULT = "bank"
"""The renderer that plays if people ask for none."""

_SOUNDFONT = "soundfont"  # the option of renderers that play soundfonts


def choose(
    name: str = "",
    *,
    soundfont: str = "",
    values: Mapping[str, Mapping[str, object]] | None = None,
) -> CheckedRenderer:
    """Return the renderer of a name, or the first that can play a soundfont here, or the default.

    soundfont: the path of a file, for renderers that have an option of this name. values: more
    options, by renderer. Raises PluginError if what it needs is missing, and HowlkitError for a
    soundfont that the renderer of this name cannot use.
    """
    given = values or {}
    if name:
        made = _made(name, soundfont, given)
        if made.missing:
            raise PluginError(f"renderer {name!r} cannot play: {made.missing}")
        return made
    if not soundfont:
        return choose(DEFAULT, values=given)
    able = [c.name for c in plugins.components("renderer") if _plays_soundfonts(c.cls)]
    lacking = []
    for each in able:
        made = _made(each, soundfont, given)
        if not made.missing:
            return made
        lacking.append(f"{each}: {made.missing}")
    said = dict.fromkeys(line.partition(": ")[2] for line in lacking)
    if len(said) == 1:  # the soundfont itself is wrong
        raise PluginError(next(iter(said)))
    raise PluginError(
        f"no renderer can play the soundfont. {'; '.join(lacking) or 'None is installed'}"
    )


def _made(name: str, soundfont: str, given: Mapping[str, Mapping[str, object]]) -> CheckedRenderer:
    values = dict(given.get(name, {}))
    if soundfont:
        if not _plays_soundfonts(plugins.get("renderer", name).cls):
            raise HowlkitError(
                f"renderer {name!r} plays no soundfonts; leave out the soundfont, or name one of: "
                + ", ".join(
                    c.name for c in plugins.components("renderer") if _plays_soundfonts(c.cls)
                )
            )
        values[_SOUNDFONT] = soundfont
    made: CheckedRenderer = plugins.create("renderer", name, values)
    return made


def _plays_soundfonts(cls: type[Any]) -> bool:
    return any(option.name == _SOUNDFONT for option in options.describe(cls))

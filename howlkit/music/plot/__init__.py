"""Piano-rolls: draw one (roll, with its axis, lanes and colours), render and save it (saving)."""

from howlkit.music.plot.roll import Unit, draw
from howlkit.music.plot.saving import save, to_png, to_svg

__all__ = ["Unit", "draw", "save", "to_png", "to_svg"]

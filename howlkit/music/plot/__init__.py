"""Piano-rolls: what to draw (roll), its time axis (axis), and SVG and PNG (drawing)."""

from howlkit.music.plot.roll import Unit, draw, save, to_png, to_svg

__all__ = ["Unit", "draw", "save", "to_png", "to_svg"]

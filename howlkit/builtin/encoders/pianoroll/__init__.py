"""The encoder `pianoroll`: see encoder.py."""

from howlkit.builtin.encoders.pianoroll.encoder import Pianoroll, register_encoders

__all__ = ["Pianoroll", "register_encoders"]

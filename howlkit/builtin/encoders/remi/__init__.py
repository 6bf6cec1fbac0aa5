"""The encoder `remi`: see encoder.py."""

from howlkit.builtin.encoders.remi.encoder import Remi, register_encoders

__all__ = ["Remi", "register_encoders"]

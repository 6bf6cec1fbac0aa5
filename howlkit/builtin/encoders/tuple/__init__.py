"""The encoder `tuple`: see encoder.py."""

from howlkit.builtin.encoders.tuple.encoder import Tuple, register_encoders

__all__ = ["Tuple", "register_encoders"]

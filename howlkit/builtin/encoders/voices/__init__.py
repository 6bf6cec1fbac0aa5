"""The encoder `voices`: see encoder.py."""

from howlkit.builtin.encoders.voices.encoder import Voices, register_encoders

__all__ = ["Voices", "register_encoders"]

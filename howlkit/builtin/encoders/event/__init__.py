"""The encoder `event`: see encoder.py."""

from howlkit.builtin.encoders.event.encoder import Event, register_encoders

__all__ = ["Event", "register_encoders"]

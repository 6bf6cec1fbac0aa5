"""The models that ship with howlkit."""

"""The encoders that ship with howlkit; `shared` holds what several of them use."""

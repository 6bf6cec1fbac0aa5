"""howlkit: train sequence models on your own MIDI files, and make music with them."""

__version__ = "0.1.0"

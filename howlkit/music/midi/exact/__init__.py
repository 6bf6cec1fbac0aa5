"""Reads a MIDI file event by event, to the letter: the reference."""
